/**
 * What each rule of a mapping lays claim to: a column, and what stands in it. Tells of every rule that does not suit the record type;
 * whether the column suits the claim is the table's part (table-plan.ts).
 */
import { type Columns, own, type RecordType, type Root } from '../schema/record-type.ts'
import type { Register } from '../schema/register.ts'
import { checkRegister, checkText } from '../schema/value-rules.ts'
import { canHold, DATETIME, registerCodec } from './codecs.ts'
import { directionOf, isOneWay } from './flow.ts'
import type { ColumnRule, Direction, MainRule, TableRule } from './mapping.ts'
import { type Report, ruleName } from './mapping-form.ts'
import type { ColumnShape } from './table-shape.ts'

export interface Claim {
  readonly column: string
  /** The rule, as messages name it. */
  readonly by: string
  /** What stands in the column, as messages name it; absent where the rule itself is wrong, and anything may be. */
  readonly content?: { readonly noun: string; readonly fits: (column: ColumnShape) => boolean }
  /** When the cell is NULL, as messages say it; absent where it never is. */
  readonly empty?: string
  /** The place in the document that it could be written back to. */
  readonly path?: string
  /** Both ways, if it does not say. */
  readonly direction?: Direction
}

type Content = NonNullable<Claim['content']>

/** Text of any length. */
const TEXT: Register = { kind: 'string', maxLength: Number.POSITIVE_INFINITY }
const ID: Register = { kind: 'reference', to: '' }
const TENANT: Register = { kind: 'string', maxLength: 64 }

const NOUNS: Readonly<Record<Exclude<Register['kind'], 'string'>, string>> = {
  number: 'a number',
  boolean: 'a boolean',
  date: 'a date',
  datetime: 'a date and time',
  money: 'an amount of money',
  email: 'an e-mail address',
  phone: 'a telephone number',
  url: 'a web address',
  enum: 'the value of an enum',
  reference: 'an id',
}

/** The columns that name the record. */
export function recordClaims(columns: { readonly tenant: string; readonly id: string }, by: string): Claim[] {
  return [
    { column: columns.tenant, by, content: { ...held(TENANT), noun: 'a tenant' } },
    { column: columns.id, by, content: held(ID) },
  ]
}

export function mainClaim(rule: MainRule, by: string, type: RecordType, report: Report): Claim {
  const claim = { column: rule.column, by, direction: wayOf(rule, by, type, report) }
  switch (rule.rule) {
    case 'text':
      rootOf(rule, by, type, report)
      return { ...claim, content: held(TEXT), path: rule.root }
    case 'custom':
      return { ...claim, content: ofType('jsonb', 'custom fields'), path: 'fields/x_*' }
    case 'lifecycle':
      return {
        ...claim,
        content: held(DATETIME),
        path: 'meta/deletedAt',
        empty: 'the time of deletion of a record that was not deleted',
      }
    case 'system':
      // May repeat: nothing of it is ever written back.
      if (rule.source === 'sequence') return { ...claim, content: ofType('bigint', 'a sequence') }
      return {
        ...claim,
        content: held(rule.source === 'createdAt' ? DATETIME : TEXT),
        empty: `${rule.source} of a document without it`,
      }
    default:
      return columnClaim(rule, by, type, type.fields, { owner: `the record type ${type.name}`, path: 'fields' }, report)
  }
}

/** The claims of a table rule behind those for the record, the rest of the key first. */
export function tableClaims(rule: TableRule, by: string, type: RecordType, report: Report): Claim[] {
  const root = rootOf(rule, by, type, report)
  if (rule.rule === 'members') {
    const content = root?.kind === 'set' ? held({ kind: 'string', maxLength: root.maxLength }) : undefined
    return [{ column: rule.member, by, path: rule.root, ...(content && { content }) }]
  }
  const collection = root?.kind === 'collection' ? root : undefined
  const keyed = collection?.keyedBy === undefined ? rule.root : `${rule.root}/${collection.keyedBy}`
  const claims: Claim[] = [{ column: rule.rule === 'child' ? rule.id : rule.other, by, content: held(ID), path: keyed }]
  if (rule.rule === 'child' && rule.order !== undefined) {
    claims.push({ column: rule.order, by, content: ofType('integer', 'the order of entries'), path: `${rule.root}/order` })
  }
  const place = { owner: `an entry of ${rule.root}`, path: rule.root }
  for (const [index, column] of rule.columns.entries()) {
    claims.push(columnClaim(column, ruleName(by, index, column.rule), type, collection?.columns, place, report))
  }
  return claims
}

/** `registers` is missing where the rule around this one is wrong already. */
function columnClaim(
  rule: ColumnRule,
  by: string,
  type: RecordType,
  registers: Columns | undefined,
  place: { readonly owner: string; readonly path: string },
  report: Report,
): Claim {
  const claim = { column: rule.column, by, direction: wayOf(rule, by, type, report) }
  if (rule.rule === 'const') return { ...claim, content: constant(rule.value) }
  const named = { ...claim, path: `${place.path}/${rule.field}`, empty: `an empty ${rule.field}` }
  if (registers === undefined) return named
  const register = own(registers, rule.field)
  if (register === undefined) {
    report(by, `${place.owner} has no field ${rule.field}`)
    return named
  }
  const wanted = register.kind === 'enum' ? 'enum' : register.kind === 'reference' ? 'lookup' : 'field'
  if (wanted !== rule.rule) {
    report(by, `${rule.field} is of the kind ${register.kind}, which takes the rule ${wanted}`)
    return named
  }
  if (rule.rule !== 'enum' || register.kind !== 'enum' || rule.values === undefined) return { ...named, content: held(register) }
  checkValues(rule.values, register.members, by, report)
  return { ...named, content: held({ ...register, members: Object.values(rule.values) }) }
}

/** Which way the values go; what has no way back cannot be told to take it. */
function wayOf(rule: ColumnRule | MainRule, by: string, type: RecordType, report: Report): Direction {
  const direction = directionOf(rule, type)
  if (isOneWay(rule, type) && (direction === 'both' || direction === 'in')) {
    report(by, `what stands in ${rule.column} has no way back into the document, so "direction" must be out or off`)
  }
  return direction
}

function checkValues(values: Readonly<Record<string, string>>, members: readonly string[], by: string, report: Report): void {
  const missing = members.filter((member) => own(values, member) === undefined)
  if (missing.length > 0) report(by, `"values" has none for ${missing.join(', ')}`)
  const unknown = Object.keys(values).filter((name) => !members.includes(name))
  if (unknown.length > 0) report(by, `"values" names ${unknown.join(', ')}, which the enum does not have`)
  const byValue = Map.groupBy(Object.keys(values), (name) => values[name])
  for (const names of byValue.values()) {
    if (names.length > 1)
      report(by, `"values" gives ${names.join(' and ')} the same value, so that rows would not tell them apart`)
  }
  for (const [name, value] of Object.entries(values)) {
    if (checkText(value, value.length) !== undefined) report(by, `"values" gives ${name} a text that Postgres cannot store`)
  }
}

const ROOT_RULES: Readonly<Record<Root['kind'], string>> = { text: 'text', richText: 'text', set: 'members', collection: 'child' }

/** The root that the rule names, if the rule is one for its kind. */
function rootOf(
  rule: { readonly rule: string; readonly root: string },
  by: string,
  type: RecordType,
  report: Report,
): Root | undefined {
  const root = own(type.roots, rule.root)
  if (root === undefined) {
    report(by, `the record type ${type.name} has no root ${rule.root}`)
    return undefined
  }
  const names = root.kind === 'collection' && root.keyedBy !== undefined && root.columns[root.keyedBy]?.kind === 'reference'
  if (rule.rule === ROOT_RULES[root.kind] || (rule.rule === 'link' && names)) return root
  if (rule.rule === 'link' && root.kind === 'collection') {
    report(by, `the entries of ${rule.root} are not named after other records, so they take the rule child`)
  } else report(by, `${rule.root} is of the kind ${root.kind}, which takes the rule ${ROOT_RULES[root.kind]}`)
  return undefined
}

function held(register: Register): Content {
  const noun =
    register.kind !== 'string'
      ? NOUNS[register.kind]
      : Number.isFinite(register.maxLength)
        ? `text of ${register.maxLength} characters`
        : 'text of any length'
  return { noun, fits: (column) => canHold(column, register) }
}

function constant(value: string | number | boolean): Content {
  const register: Register =
    typeof value === 'string'
      ? { kind: 'string', maxLength: [...value].length }
      : { kind: typeof value === 'number' ? 'number' : 'boolean' }
  const valid = checkRegister(register, value) === undefined
  const encodes = (type: string) => registerCodec(register.kind, type)?.encode(value) !== undefined
  return { noun: 'the constant', fits: (column) => valid && canHold(column, register) && encodes(column.type) }
}

function ofType(type: string, noun: string): Content {
  return { noun, fits: (column) => column.type === type }
}
