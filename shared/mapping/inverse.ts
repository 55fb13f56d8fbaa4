/**
 * A change of a row as edits of the record's document: a three-way merge of what the row showed before the statement, what it shows now,
 * and what the document shows. Pure, and never throws.
 *
 * Only columns that the statement changed are looked at, and one that says what the document says already is no edit; so a row that did
 * not change, or a change that comes back a second time, does nothing. A column whose value does not fit is refused by itself, and the
 * others of its row are written all the same; but a record or an entry that may not be without it does not begin.
 */
import { readMeta, writeMeta } from '../schema/layout.ts'
import { scalarOf } from '../schema/read-content.ts'
import { directionOf } from './flow.ts'
import { columnInverse } from './inverse-columns.ts'
import { entryInverse } from './inverse-entries.ts'
import { memberInverse } from './inverse-members.ts'
import { lifecycleInverse, systemInverse } from './inverse-registers.ts'
import { slotsInverse } from './inverse-slots.ts'
import { customInverse, textInverse } from './inverse-texts.ts'
import { columnOfField, isTableRule, type MainRule, type TableRule, tableSource } from './mapping.ts'
import type { Plan } from './plan.ts'
import { refusalOf } from './refusal-reasons.ts'
import type { RowChange } from './row-change.ts'
import {
  edited,
  type Inverse,
  type InverseGround,
  type RowEdit,
  type RowMerge,
  type RowRefusal,
  refused,
  together,
  UNTOUCHED,
} from './row-edit.ts'
import { bindingsOf } from './shadow.ts'

/** Of a table that the plan does not have: nothing. */
export function inverse(plan: Plan, ground: InverseGround, change: RowChange): Inverse {
  const { before = {}, after = {} } = change
  if (change.table === plan.main.name) return mainInverse({ ...ground, plan, table: plan.main, change, before, after })
  const sources = plan.mapping.rules.flatMap((one) => tableSource(one) ?? [])
  const rule = sources.find((one) => one.rule.table === change.table)?.rule
  const table = plan.children.find((one) => one.name === change.table)
  return rule && table ? tableInverse({ ...ground, plan, table, change, before, after }, rule) : UNTOUCHED
}

function tableInverse(merge: RowMerge, rule: TableRule): Inverse {
  switch (rule.rule) {
    case 'members':
      return memberInverse(merge, rule)
    case 'child':
    case 'link':
      return entryInverse(merge, rule)
    default:
      return rule satisfies never
  }
}

function mainInverse(merge: RowMerge): Inverse {
  const { operation } = merge.change
  const exists = merge.document.store.clients.size > 0
  if (operation === 'delete') return exists ? deletion(merge) : UNTOUCHED
  if (operation === 'update' && exists) return columnsOf(merge)
  // A row whose record is not there is as good as a new one: all that it says is news.
  const { edits, refusals } = columnsOf({ ...merge, before: {} })
  const missing = missingIn(merge, edits, refusals)
  return missing === undefined
    ? { edits: [...beginning(merge, edits, exists), ...edits], refusals }
    : refused(...refusals, ...missing)
}

function columnsOf(merge: RowMerge): Inverse {
  return together(merge.plan.mapping.rules.map((rule) => (isTableRule(rule) ? UNTOUCHED : ruleInverse(merge, rule))))
}

function ruleInverse(merge: RowMerge, rule: MainRule): Inverse {
  switch (rule.rule) {
    case 'system':
      return systemInverse(merge, rule.source, rule.column)
    case 'lifecycle':
      return lifecycleInverse(merge, rule)
    case 'text':
      return textInverse(merge, rule)
    case 'custom':
      return customInverse(merge, rule)
    case 'slots':
      return slotsInverse(merge, rule)
    default: {
      const registers = merge.plan.type.fields
      const bindings = bindingsOf(merge.base)
      return columnInverse(merge, rule, { registers, root: 'fields', key: (name) => name, path: ['fields'], bindings })
    }
  }
}

/** The row comes back, and says when. A record that is deleted already stays as it is. */
function deletion(merge: RowMerge): Inverse {
  const rule = lifecycleOf(merge.plan)
  if (readMeta(merge.document).deletedAt !== null) return UNTOUCHED
  if (rule !== undefined && !comesIn(merge.plan)) return refused(refusalOf(rule.column, DELETED_AT, 'outbound'))
  return edited(deletedAtEdit(merge.now))
}

const DELETED_AT = ['meta', 'deletedAt']

function deletedAtEdit(deletedAt: number | null): RowEdit {
  return { path: DELETED_AT, unseen: false, write: (document) => writeMeta(document, { deletedAt }) }
}

function lifecycleOf(plan: Plan) {
  return plan.mapping.rules.find((rule) => rule.rule === 'lifecycle')
}

/** Whether deleting and restoring is the table's to do; without a rule for it, it is. */
function comesIn(plan: Plan): boolean {
  const rule = lifecycleOf(plan)
  const direction = rule === undefined ? 'both' : directionOf(rule, plan.type)
  return direction === 'both' || direction === 'in'
}

/** A record begins with something written, whatever its row says; one that was deleted is restored by a row that is inserted again. */
function beginning(merge: RowMerge, edits: readonly RowEdit[], exists: boolean): readonly RowEdit[] {
  if (edits.some(({ path }) => path[0] === 'meta')) return []
  const { deletedAt } = readMeta(merge.document)
  const column = lifecycleOf(merge.plan)?.column
  const isRestored = deletedAt !== null && comesIn(merge.plan) && (column === undefined || (merge.after[column] ?? null) === null)
  return !exists || isRestored ? [deletedAtEdit(null)] : []
}

/** Fields that the record may not be without, and would be; `undefined` if there are none. */
function missingIn(merge: RowMerge, edits: readonly RowEdit[], refusals: readonly RowRefusal[]): RowRefusal[] | undefined {
  const { plan, document } = merge
  const fields = document.getMap('fields')
  const missing = Object.keys(plan.type.fields).filter((name) => {
    const isGiven = edits.some(({ path }) => path[0] === 'fields' && path[1] === name)
    return plan.type.fields[name]?.required && !isGiven && scalarOf(fields.get(name)) === undefined
  })
  if (missing.length === 0) return undefined
  const unnamed = missing.filter((name) => !refusals.some(({ path }) => path?.[0] === 'fields' && path[1] === name))
  return unnamed.map((name) => {
    const column = columnOfField(plan.mapping.rules, name) ?? plan.mapping.identity.id
    return refusalOf(column, ['fields', name], 'kind', `may not be empty: no ${plan.type.name} begins without ${name}`)
  })
}
