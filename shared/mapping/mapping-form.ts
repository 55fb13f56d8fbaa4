/**
 * Whether something is a mapping as far as its form goes, since mappings may come from JSON: known rules, all their properties and
 * no others. What the names in it refer to is checked when it is compiled.
 */
import { parseRecordId } from '../ids.ts'
import { own } from '../schema/record-type.ts'
import { AUTHORITIES, type ColumnRule, DIRECTIONS, type Rule, SYSTEM_SOURCES } from './mapping.ts'

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
const optionalName = must((value) => value === undefined || isName(value), 'a name')
const flow = { direction: optionalOf(DIRECTIONS), authority: optionalOf(AUTHORITIES) }

const MAPPING: Form = {
  id: must((value) => typeof value === 'string' && parseRecordId(value) !== undefined, '1 to 128 letters, digits, - and _'),
  version: must((value) => Number.isSafeInteger(value) && Number(value) > 0, 'a positive integer'),
  recordType: name,
  table: name,
  identity: record,
  rules: list,
}

const COLUMN_RULES = {
  field: { field: name, column: name, ...flow },
  enum: { field: name, column: name, values, ...flow },
  lookup: { field: name, column: name, ...flow },
  const: { column: name, value: constant },
} satisfies Readonly<Record<ColumnRule['rule'], Form>>

const RULES = {
  ...COLUMN_RULES,
  text: { root: name, column: name, ...flow },
  custom: { column: name, ...flow },
  system: { source, column: name },
  lifecycle: { column: name, ...flow },
  child: { root: name, table: name, parent: record, id: name, order: optionalName, columns: list },
  members: { root: name, table: name, parent: record, member: name },
  link: { root: name, table: name, parent: record, other: name, columns: list },
} satisfies Readonly<Record<Rule['rule'], Form>>

/** Reports every problem; none means that the value can be read as a mapping. */
export function checkForm(mapping: unknown, report: Report): void {
  if (!isObject(mapping)) return report(undefined, 'it must be an object')
  checkProperties(mapping, MAPPING, undefined, report)
  checkRules(mapping.rules, RULES, undefined, report)
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
    checkRules(rule.columns, COLUMN_RULES, by, report)
  }
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
  return must((value) => value === undefined || names.some((one) => one === value), `one of ${names.join(', ')}`)
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
