/**
 * Whether something is a mapping as far as its form goes, since mappings may come from JSON: known rules, all their properties and
 * no others. What the names in it refer to is checked when it is compiled.
 */
import { parseRecordId } from '../ids.ts'
import { own } from '../schema/record-type.ts'
import { AUTHORITIES, type ColumnRule, DIRECTIONS, type Rule, SEVERITIES, SYSTEM_SOURCES } from './mapping.ts'

/** Tells of a problem of the rule that `by` names, or of the mapping as a whole. */
export type Report = (by: string | undefined, reason: string) => void

/** What a value must be, to follow "must be"; `undefined` if it is. */
type Check = (value: unknown) => string | undefined

type Form = Readonly<Record<string, Check>>

const name = must(isName, 'a name')
const list = must(Array.isArray, 'a list')
const record = must(
  (value) => isObject(value) && Object.keys(value).sort().join() === 'id,tenant' && Object.values(value).every(isName),
  'an object with two names, tenant and id',
)
const constant = must((value) => ['string', 'number', 'boolean'].includes(typeof value), 'a string, a number or a boolean')
const source = must((value) => SYSTEM_SOURCES.some((one) => one === value), `one of ${SYSTEM_SOURCES.join(', ')}`)
const values = must(
  (value) => value === undefined || (isObject(value) && Object.values(value).every((one) => typeof one === 'string')),
  'an object of strings',
)
const unknown = must(
  (value) =>
    value === undefined ||
    value === 'refuse' ||
    (isObject(value) && Object.keys(value).join() === 'member' && isName(value.member)),
  '"refuse", or an object with a name, member',
)
const optionalName = must((value) => value === undefined || isName(value), 'a name')
const optionalList = must((value) => value === undefined || Array.isArray(value), 'a list')
const names = must(isNames, 'a list of names, each once')
const optionalNames = must((value) => value === undefined || isNames(value), 'a list of names, each once')
const options = must(
  (value) => value === undefined || isOptions(value),
  'an object of strings, numbers and booleans, or of objects of them',
)
const flow = { direction: optionalOf(DIRECTIONS), authority: optionalOf(AUTHORITIES) }

const MAPPING: Form = {
  id: must((value) => typeof value === 'string' && parseRecordId(value) !== undefined, '1 to 128 letters, digits, - and _'),
  version: must((value) => Number.isSafeInteger(value) && Number(value) > 0, 'a positive integer'),
  recordType: name,
  table: name,
  identity: record,
  rules: list,
  guards: optionalList,
}

const COLUMN_RULES = {
  field: { field: name, column: name, ...flow },
  enum: { field: name, column: name, values, inverse: values, unknown, ...flow },
  lookup: { field: name, column: name, ...flow },
  default: { field: name, column: name, value: constant, ...flow },
  readonly: { field: name, column: name },
  split: { field: name, columns: names, by: name, ...flow },
  merge: {
    fields: names,
    column: name,
    by: name,
    ambiguous: must(isOneOf(['parse', 'refuse']), 'one of parse, refuse'),
    ...flow,
  },
  computed: { column: name, by: name, fields: names, options },
  const: { column: name, value: constant },
} satisfies Readonly<Record<ColumnRule['rule'], Form>>

const RULES = {
  ...COLUMN_RULES,
  text: { root: name, column: name, ...flow },
  custom: { column: name, ...flow },
  system: { source, column: name },
  lifecycle: { column: name, ...flow },
  slots: {
    root: name,
    by: optionalName,
    first: optionalName,
    slots: list,
    overflow: must((value) => value === 'refuse' || isObject(value), 'refuse, or an object with a column or a table'),
  },
  child: { root: name, table: name, parent: record, id: name, order: optionalName, columns: list },
  members: { root: name, table: name, parent: record, member: name },
  link: { root: name, table: name, parent: record, other: name, columns: list },
} satisfies Readonly<Record<Rule['rule'], Form>>

const SLOT: Form = { value: optionalName, columns: list }
const OVERFLOW_COLUMN: Form = { column: name }
const OVERFLOW_TABLE: Form = { table: name, parent: record, id: name, columns: list }

const GUARD: Form = {
  when: list,
  severity: must(isOneOf(SEVERITIES), `one of ${SEVERITIES.join(', ')}`),
  message: name,
  columns: optionalNames,
}
const CONDITION: Form = { by: name, fields: names, options }

/** Reports every problem; none means that the value can be read as a mapping. */
export function checkForm(mapping: unknown, report: Report): void {
  if (!isObject(mapping)) return report(undefined, 'it must be an object')
  checkProperties(mapping, MAPPING, undefined, report)
  checkRules(mapping.rules, RULES, undefined, report)
  for (const [index, guard] of each(mapping.guards)) {
    const by = `guard ${index + 1}`
    checkObject(guard, GUARD, by, report)
    if (!isObject(guard)) continue
    for (const [, condition] of each(guard.when)) checkObject(condition, CONDITION, `${by}, when`, report)
    if (Array.isArray(guard.when) && guard.when.length === 0) report(by, '"when" must have a condition')
  }
}

/** How messages name a rule: by its place, counted from 1, and its kind; a column of a table behind the rule of that table. */
export function ruleName(within: string | undefined, index: number, kind: unknown): string {
  const place = within === undefined ? `rule ${index + 1}` : `${within}, column ${index + 1}`
  return typeof kind === 'string' ? `${place} (${kind})` : place
}

function checkRules(rules: unknown, forms: Readonly<Record<string, Form>>, within: string | undefined, report: Report): void {
  if (!Array.isArray(rules)) return
  for (const [index, rule] of (rules as unknown[]).entries()) {
    const kind = isObject(rule) ? rule.rule : undefined
    const by = ruleName(within, index, kind)
    const form = typeof kind === 'string' ? own(forms, kind) : undefined
    if (!isObject(rule) || form === undefined) {
      report(by, `"rule" must be one of ${Object.keys(forms).join(', ')}`)
      continue
    }
    checkProperties(rule, { rule: name, ...form }, by, report)
    if (kind === 'slots') checkSlots(rule, by, report)
    // A split lists the names of its columns there.
    else if (kind !== 'split') checkRules(rule.columns, COLUMN_RULES, by, report)
  }
}

function checkSlots({ slots, overflow }: Record<string, unknown>, by: string, report: Report): void {
  for (const [index, slot] of each(slots)) {
    const name = `${by}, slot ${index + 1}`
    checkObject(slot, SLOT, name, report)
    if (isObject(slot)) checkRules(slot.columns, COLUMN_RULES, name, report)
  }
  if (Array.isArray(slots) && slots.length === 0) report(by, '"slots" must have a slot')
  if (!isObject(overflow)) return
  checkProperties(overflow, 'table' in overflow ? OVERFLOW_TABLE : OVERFLOW_COLUMN, `${by}, overflow`, report)
  checkRules(overflow.columns, COLUMN_RULES, `${by}, overflow`, report)
}

/** Of what is a list; what is none has been told of already. */
function each(value: unknown): Iterable<[number, unknown]> {
  return Array.isArray(value) ? (value as unknown[]).entries() : []
}

function checkObject(value: unknown, form: Form, by: string, report: Report): void {
  if (isObject(value)) checkProperties(value, form, by, report)
  else report(by, 'it must be an object')
}

function checkProperties(value: Record<string, unknown>, form: Form, by: string | undefined, report: Report): void {
  for (const [property, check] of Object.entries(form)) {
    const wanted = check(value[property])
    if (wanted !== undefined) report(by, `"${property}" must be ${wanted}`)
  }
  for (const property of Object.keys(value)) {
    if (own(form, property) === undefined) report(by, `"${property}" is no property of it`)
  }
}

function must(holds: (value: unknown) => boolean, wanted: string): Check {
  return (value) => (holds(value) ? undefined : wanted)
}

function optionalOf(names: readonly string[]): Check {
  return must((value) => value === undefined || isOneOf(names)(value), `one of ${names.join(', ')}`)
}

function isOneOf(names: readonly string[]): (value: unknown) => boolean {
  return (value) => names.some((one) => one === value)
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isName) && new Set(value).size === value.length
}

function isOptions(value: unknown): boolean {
  const isScalar = (one: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof one)
  return (
    isObject(value) && Object.values(value).every((one) => isScalar(one) || (isObject(one) && Object.values(one).every(isScalar)))
  )
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
