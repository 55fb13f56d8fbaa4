/**
 * What the rules for the registers of one place lay claim to, the record's fields or the columns of an entry. Tells of every rule that
 * does not suit the registers.
 */
import { type Columns, own, type RecordType } from '../schema/record-type.ts'
import type { Register } from '../schema/register.ts'
import { checkRegister } from '../schema/value-rules.ts'
import type { Claim } from './claim.ts'
import { anyOf, constant, held, oneOfValues } from './claim-content.ts'
import { registerCodec } from './codecs.ts'
import { checkValues } from './enum-values.ts'
import { directionOf } from './flow.ts'
import { COMPUTED, PARTS } from './functions.ts'
import type { ColumnRule, EnumRule, MergeRule, SplitRule } from './mapping.ts'
import { type Report, ruleName } from './mapping-form.ts'

/** Where the registers are, as messages and paths name it. */
export interface ClaimedPlace {
  readonly owner: string
  readonly path: string
  /** Missing where the rule around these is wrong already. */
  readonly registers: Columns | undefined
}

/** `by` names the rule around them. */
export function listClaims(
  rules: readonly ColumnRule[],
  by: string,
  type: RecordType,
  place: ClaimedPlace,
  report: Report,
): readonly Claim[] {
  return rules.flatMap((rule, index) => columnClaims(rule, ruleName(by, index, rule.rule), type, place, report))
}

export function columnClaims(
  rule: ColumnRule,
  by: string,
  type: RecordType,
  place: ClaimedPlace,
  report: Report,
): readonly Claim[] {
  const direction = directionOf(rule, type)
  switch (rule.rule) {
    case 'const':
      return [{ column: rule.column, by, direction, content: constant(rule.value) }]
    case 'computed':
      return [computedClaim(rule, by, place, report)]
    case 'split':
      return splitClaims(rule, { by, direction }, place, report)
    case 'merge':
      return [mergeClaim(rule, { by, direction }, place, report)]
    case 'default':
    case 'enum':
    case 'field':
    case 'lookup':
    case 'readonly':
      return [registerClaim(rule, { by, direction }, place, report)]
    default:
      return rule satisfies never
  }
}

type Named = Pick<Claim, 'direction'> & { readonly by: string }

function registerClaim(
  rule: Extract<ColumnRule, { readonly field: string; readonly column: string }>,
  { by, direction }: Named,
  place: ClaimedPlace,
  report: Report,
): Claim {
  const named: Claim = { column: rule.column, by, paths: [`${place.path}/${rule.field}`], ...(direction && { direction }) }
  // What reads as something where it is empty is never NULL.
  const claim: Claim = rule.rule === 'default' ? named : { ...named, empty: `an empty ${rule.field}` }
  const register = registerOf(rule.field, by, place, report)
  if (register === undefined) return claim
  if (rule.rule === 'readonly') return { ...claim, content: anyOf(register) }
  if (rule.rule === 'default') {
    if (checkRegister(register, rule.value) !== undefined) report(by, `"value" is nothing that ${rule.field} can hold`)
    const fits = held(register)
    const encodes = (column: string) => registerCodec(register.kind, column)?.encode(rule.value) !== undefined
    return { ...claim, content: { ...fits, fits: (column) => fits.fits(column) && encodes(column.type) } }
  }
  const wanted = register.kind === 'enum' ? 'enum' : register.kind === 'reference' ? 'lookup' : 'field'
  if (wanted !== rule.rule) {
    report(by, `${rule.field} is of the kind ${register.kind}, which takes the rule ${wanted}`)
    return claim
  }
  const content = rule.rule === 'enum' ? enumContent(rule, register, by, report) : held(register)
  return { ...claim, content: direction === 'in' ? anyOf(register) : content }
}

function enumContent(rule: EnumRule, register: Register, by: string, report: Report): ReturnType<typeof held> {
  if (register.kind !== 'enum') return held(register)
  checkValues(rule, register.members, by, report)
  return rule.values === undefined ? held(register) : oneOfValues(register, Object.values(rule.values))
}

function splitClaims(rule: SplitRule, named: Named, place: ClaimedPlace, report: Report): readonly Claim[] {
  const register = textOf(rule.field, named.by, place, report)
  checkParts(rule.by, rule.columns, named.by, report)
  return rule.columns.map((column, index) => ({
    ...named,
    column,
    empty: 'a part that is not there',
    ...(index === 0 && { paths: [`${place.path}/${rule.field}`] }),
    ...(register && { content: held(register) }),
  }))
}

function mergeClaim(rule: MergeRule, named: Named, place: ClaimedPlace, report: Report): Claim {
  const registers = rule.fields.map((field) => textOf(field, named.by, place, report))
  checkParts(rule.by, rule.fields, named.by, report)
  const { separator } = own(PARTS, rule.by) ?? { separator: '' }
  const lengths = registers.map((register) => (register?.kind === 'string' ? register.maxLength : 0))
  const maxLength = lengths.reduce((sum, length) => sum + length, separator.length * (lengths.length - 1))
  return {
    ...named,
    column: rule.column,
    empty: 'a text without any part',
    paths: rule.fields.map((field) => `${place.path}/${field}`),
    ...(!registers.includes(undefined) && { content: held({ kind: 'string', maxLength }) }),
  }
}

function computedClaim(
  rule: Extract<ColumnRule, { readonly rule: 'computed' }>,
  by: string,
  place: ClaimedPlace,
  report: Report,
): Claim {
  const claim: Claim = { column: rule.column, by, direction: 'out', empty: 'a result that is not there' }
  const registers = rule.fields.map((field) => registerOf(field, by, place, report))
  const computed = own(COMPUTED, rule.by)
  if (computed === undefined) {
    report(by, `there is no function ${rule.by} that computes`)
    return claim
  }
  const kinds = registers.flatMap((register) => register?.kind ?? [])
  const problem = kinds.length === registers.length ? computed.fits(kinds, rule.options ?? {}) : undefined
  if (problem !== undefined) report(by, `${rule.by} does not suit: ${problem}`)
  return { ...claim, content: held(computed.result) }
}

function checkParts(name: string, places: readonly string[], by: string, report: Report): void {
  if (own(PARTS, name) === undefined) report(by, `there is no function ${name} that takes texts apart`)
  if (places.length < 2) report(by, 'it takes two parts or more')
}

function registerOf(field: string, by: string, { owner, registers }: ClaimedPlace, report: Report): Register | undefined {
  if (registers === undefined) return undefined
  const register = own(registers, field)
  if (register === undefined) report(by, `${owner} has no field ${field}`)
  return register
}

function textOf(field: string, by: string, place: ClaimedPlace, report: Report): Register | undefined {
  const register = registerOf(field, by, place, report)
  if (register === undefined || register.kind === 'string') return register
  report(by, `${field} is of the kind ${register.kind}, and only text has parts`)
  return undefined
}
