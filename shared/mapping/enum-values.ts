/** The values that an enum's members have in a column, and the way back where several share one. */
import { own } from '../schema/record-type.ts'
import { checkText } from '../schema/value-rules.ts'
import type { EnumRule } from './mapping.ts'
import type { Report } from './mapping-form.ts'

export function valueOfMember({ values }: EnumRule, member: string): string {
  return values === undefined ? member : (own(values, member) ?? member)
}

/** The member that a row changed to the value means; `undefined` where the rule says of none. */
export function memberOfValue(rule: EnumRule, members: readonly string[], value: string): string | undefined {
  const sharing = members.filter((member) => valueOfMember(rule, member) === value)
  if (sharing.length === 0) return typeof rule.unknown === 'object' ? rule.unknown.member : undefined
  return sharing.length === 1 ? sharing[0] : own(rule.inverse ?? {}, value)
}

/** Reports values that are missing, too many, or not to be told apart on the way back. */
export function checkValues(rule: EnumRule, members: readonly string[], by: string, report: Report): void {
  const { values = {}, inverse = {}, unknown } = rule
  const isMember = (name: string): boolean => members.includes(name)
  if (typeof unknown === 'object' && !isMember(unknown.member)) {
    report(by, `"unknown" names ${unknown.member}, which the enum does not have`)
  }
  for (const [value, member] of Object.entries(inverse)) {
    if (!isMember(member)) report(by, `"inverse" names ${member}, which the enum does not have`)
    else if (valueOfMember(rule, member) !== value) report(by, `"inverse" gives ${member} for another value than its own`)
  }
  if (rule.values === undefined) return
  const missing = members.filter((member) => own(values, member) === undefined)
  if (missing.length > 0) report(by, `"values" has none for ${missing.join(', ')}`)
  const unknownNames = Object.keys(values).filter((name) => !isMember(name))
  if (unknownNames.length > 0) report(by, `"values" names ${unknownNames.join(', ')}, which the enum does not have`)
  for (const [value, names] of Map.groupBy(Object.keys(values), (name) => values[name])) {
    if (names.length < 2 || value === undefined || own(inverse, value) !== undefined || isOutbound(rule)) continue
    report(
      by,
      `"values" gives ${names.join(' and ')} the same value, so that rows would not tell them apart, and "inverse" does not say which of them it becomes`,
    )
  }
  for (const [name, value] of Object.entries(values)) {
    if (checkText(value, value.length) !== undefined) report(by, `"values" gives ${name} a text that Postgres cannot store`)
  }
}

function isOutbound({ direction }: EnumRule): boolean {
  return direction === 'out' || direction === 'off'
}
