/**
 * What each rule of a mapping lays claim to, and every rule that does not suit the record type. Whether a column suits its claim is the
 * table's part (table-plan.ts).
 */
import { own, type RecordType, type Root } from '../schema/record-type.ts'
import type { Register } from '../schema/register.ts'
import type { Claim } from './claim.ts'
import { held, ofType } from './claim-content.ts'
import { DATETIME } from './codecs.ts'
import { type ClaimedPlace, columnClaims, listClaims } from './column-claims.ts'
import { directionOf, isOneWay } from './flow.ts'
import type { Direction, MainRule, SlotsRule, TableSource } from './mapping.ts'
import type { Report } from './mapping-form.ts'

/** Text of any length. */
const TEXT: Register = { kind: 'string', maxLength: Number.POSITIVE_INFINITY }
const ID: Register = { kind: 'reference', to: '' }
const TENANT: Register = { kind: 'string', maxLength: 64 }

/** The columns that name the record. */
export function recordClaims(columns: { readonly tenant: string; readonly id: string }, by: string): Claim[] {
  return [
    { column: columns.tenant, by, content: { ...held(TENANT), noun: 'a tenant' } },
    { column: columns.id, by, content: held(ID) },
  ]
}

/** In the main table. */
export function mainClaims(rule: MainRule, by: string, type: RecordType, report: Report): readonly Claim[] {
  switch (rule.rule) {
    case 'text':
    case 'custom':
    case 'lifecycle':
    case 'system':
      return [wholeClaim(rule, by, type, report)]
    case 'slots':
      return slotsClaims(rule, by, type, report)
    default:
      return columnClaims(
        rule,
        by,
        type,
        { owner: `the record type ${type.name}`, path: 'fields', registers: type.fields },
        report,
      )
  }
}

type WholeRule = Extract<MainRule, { readonly rule: 'text' | 'custom' | 'lifecycle' | 'system' }>

/** Of a column that holds no register. */
function wholeClaim(rule: WholeRule, by: string, type: RecordType, report: Report): Claim {
  const claim = { column: rule.column, by, direction: wayOf(rule, by, type, report) }
  switch (rule.rule) {
    case 'text':
      rootOf(rule, by, type, report)
      return { ...claim, content: held(TEXT), paths: [rule.root] }
    case 'custom':
      return { ...claim, content: ofType('jsonb', 'custom fields'), paths: ['fields/x_*'] }
    case 'lifecycle':
      return {
        ...claim,
        content: held(DATETIME),
        paths: ['meta/deletedAt'],
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
      return rule satisfies never
  }
}

function slotsClaims(rule: SlotsRule, by: string, type: RecordType, report: Report): readonly Claim[] {
  const root = rootOf(rule, by, type, report)
  const registers = root?.kind === 'collection' ? root.columns : undefined
  if (root?.kind === 'collection' && root.keyedBy !== undefined) {
    report(
      by,
      `the entries of ${rule.root} are named after what they refer to, and an entry that comes from a slot has no such name`,
    )
  }
  const discriminator = registers && rule.by !== undefined ? own(registers, rule.by) : undefined
  const first = registers && rule.first !== undefined ? own(registers, rule.first) : undefined
  if (registers && rule.by !== undefined && discriminator?.kind !== 'string' && discriminator?.kind !== 'enum') {
    report(by, `"by" must be a column of the entries of ${rule.root} that holds text or an enum`)
  }
  if (registers && rule.first !== undefined && first?.kind !== 'boolean') {
    report(by, `"first" must be a boolean column of the entries of ${rule.root}`)
  }
  const claims = rule.slots.flatMap((slot, index): readonly Claim[] => {
    const name = `${by}, slot ${index + 1}`
    if (slot.value !== undefined && rule.by === undefined) report(name, '"value" needs a "by" that it is the value of')
    if (slot.value !== undefined && discriminator?.kind === 'enum' && !discriminator.members.includes(slot.value)) {
      report(name, `"value" is no member of ${rule.by}`)
    }
    if (slot.columns.length === 0) report(name, 'it shows no column of its entry')
    // Each slot shows other entries than the next, so that the same column of an entry may stand in all of them.
    const place: ClaimedPlace = { owner: `an entry of ${rule.root}`, path: `${rule.root}[${index + 1}]`, registers }
    return listClaims(slot.columns, name, type, place, report).map((claim) => ({ ...claim, empty: 'a slot without an entry' }))
  })
  const [head, ...rest] = claims
  const rooted = head === undefined ? [] : [{ ...head, paths: [rule.root, ...(head.paths ?? [])] }]
  const { overflow } = rule
  if (overflow === 'refuse' || !('column' in overflow)) return [...rooted, ...rest]
  return [...rooted, ...rest, { column: overflow.column, by, content: ofType('jsonb', 'entries') }]
}

/** The claims of a table rule behind those for the record, the rest of the key first. */
export function tableClaims({ rule, slots }: TableSource, by: string, type: RecordType, report: Report): readonly Claim[] {
  // The rule of the slots has told already what is wrong with its root.
  const root = slots === undefined ? rootOf(rule, by, type, report) : own(type.roots, rule.root)
  if (rule.rule === 'members') {
    const content = root?.kind === 'set' ? held({ kind: 'string', maxLength: root.maxLength }) : undefined
    return [{ column: rule.member, by, paths: [rule.root], ...(content && { content }) }]
  }
  const collection = root?.kind === 'collection' ? root : undefined
  const path = slots === undefined ? rule.root : `${rule.root}[overflow]`
  const keyed = collection?.keyedBy === undefined ? path : `${path}/${collection.keyedBy}`
  const claims: Claim[] = [{ column: rule.rule === 'child' ? rule.id : rule.other, by, content: held(ID), paths: [keyed] }]
  if (rule.rule === 'child' && rule.order !== undefined) {
    claims.push({ column: rule.order, by, content: ofType('integer', 'the order of entries'), paths: [`${path}/order`] })
  }
  const place: ClaimedPlace = { owner: `an entry of ${rule.root}`, path, registers: collection?.columns }
  return [...claims, ...listClaims(rule.columns, slots === undefined ? by : `${by}, overflow`, type, place, report)]
}

/** Which way the values go; what has no way back cannot be told to take it. */
function wayOf(rule: WholeRule, by: string, type: RecordType, report: Report): Direction {
  const direction = directionOf(rule, type)
  if (isOneWay(rule, type) && (direction === 'both' || direction === 'in')) {
    report(by, `what stands in ${rule.column} has no way back into the document, so "direction" must be out or off`)
  }
  return direction
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
  if (rule.rule === 'slots' && root.kind === 'collection') return root
  if (rule.rule === 'link' && root.kind === 'collection') {
    report(by, `the entries of ${rule.root} are not named after other records, so they take the rule child`)
  } else report(by, `${rule.root} is of the kind ${root.kind}, which takes the rule ${ROOT_RULES[root.kind]}`)
  return undefined
}
