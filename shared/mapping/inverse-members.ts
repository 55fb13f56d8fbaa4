/** Rows of a set on their way back: a row is a member. */

import { readMembers } from '../schema/read-content.ts'
import { own } from '../schema/record-type.ts'
import { checkMember } from '../schema/validate-content.ts'
import { textOf } from './cell-text.ts'
import type { TableRule } from './mapping.ts'
import { refusalOf } from './refusal-reasons.ts'
import { edited, type Inverse, type RowMerge, refused, UNTOUCHED } from './row-edit.ts'

type MembersRule = Extract<TableRule, { readonly rule: 'members' }>

export function memberInverse({ plan, document, change, before, after }: RowMerge, rule: MembersRule): Inverse {
  const { root: name, member: column } = rule
  const root = own(plan.type.roots, name)
  if (root?.kind !== 'set') return UNTOUCHED
  const isGone = change.operation === 'delete'
  const member = textOf((isGone ? before : after)[column])
  const map = document.getMap(name)
  const isHeld = map.get(member) === true
  if (isHeld !== isGone) return UNTOUCHED
  const path = [name, member]
  // A name that nobody may add is removed all the same.
  if (isGone) return edited({ path, unseen: false, write: (written) => written.getMap(name).delete(member) })
  const code = checkMember(root, member)
  if (code !== undefined) {
    const reason = `is not a label of at most ${root.maxLength} characters`
    return refused(refusalOf(column, undefined, code, reason))
  }
  if (Object.keys(readMembers(map)).length >= root.maxMembers) {
    return refused(refusalOf(column, path, 'length', `would be one more than the ${root.maxMembers} that ${name} may have`))
  }
  return edited({ path, unseen: false, write: (written) => written.getMap(name).set(member, true) })
}
