/** Which way the values of a rule go. One place says it for the compiler, for the rows and for what comes back from them. */
import { own, type RecordType } from '../schema/record-type.ts'
import type { Direction, Rule } from './mapping.ts'

/** Whether nothing that stands in the rule's column could become what it was: formatting is gone, or the server alone knows it. */
export function isOneWay(rule: Rule, type: RecordType): boolean {
  if (rule.rule === 'text') return own(type.roots, rule.root)?.kind === 'richText'
  return rule.rule === 'const' || rule.rule === 'system' || rule.rule === 'computed'
}

export function directionOf(rule: Rule, type: RecordType): Direction {
  if (rule.rule === 'readonly') return 'in'
  const declared = 'direction' in rule ? rule.direction : undefined
  return declared ?? (isOneWay(rule, type) ? 'out' : 'both')
}

/** Whether the projector writes the rule's columns. */
export function flowsOut(rule: Rule, type: RecordType): boolean {
  const direction = directionOf(rule, type)
  return direction === 'both' || direction === 'out'
}
