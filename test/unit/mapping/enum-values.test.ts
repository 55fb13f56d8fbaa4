import { memberOfValue } from '@rapport/shared/mapping/enum-values.ts'
import type { EnumRule } from '@rapport/shared/mapping/mapping.ts'
import { expect, it } from 'vitest'

const members = ['discovery', 'qualified', 'won']
const stages: EnumRule = {
  rule: 'enum',
  field: 'stage',
  column: 'stage',
  values: { discovery: 'Open', qualified: 'Open', won: 'Closed' },
  inverse: { Open: 'qualified' },
}

it.each<[string, EnumRule, string, string | undefined]>([
  ['of one member means it', stages, 'Closed', 'won'],
  ['that several share means the one that the rule names', stages, 'Open', 'qualified'],
  ['of none means nothing', stages, 'Lost', undefined],
  ['of none means the member that the rule names for that', { ...stages, unknown: { member: 'won' } }, 'Lost', 'won'],
  ['that is a member, where values are given, means nothing', stages, 'qualified', undefined],
  ['is the member itself, where none are', { rule: 'enum', field: 'stage', column: 'stage' }, 'qualified', 'qualified'],
  ['that every object inherits means nothing', stages, 'constructor', undefined],
])('a value %s', (_, rule, value, member) => {
  expect(memberOfValue(rule, members, value)).toBe(member)
})
