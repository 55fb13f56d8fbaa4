/**
 * The change event of a record: what its rows were, what they are, and what of that is news. Before and after have the shape of the
 * shadow, `{column: value, child_table: [row]}`, so that a reader needs no other table to apply them.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Author } from '@rapport/shared/ids.ts'
import type { Plan, Row, Shadow } from '@rapport/shared/mapping/plan.ts'
import { withoutBindings } from '@rapport/shared/mapping/shadow.ts'
import { sequenceColumn } from './table-statements.ts'

/** Created, updated, deleted; `r`: read again by a rebuild, no news of the record itself. */
export type Operation = 'c' | 'u' | 'd' | 'r'

export interface ChangePayload {
  readonly op: Operation
  readonly before: Shadow | null
  readonly after: Shadow
  /** Names of columns and child tables. */
  readonly changed: readonly string[]
  /** Of the record's log. */
  readonly documentSequence: number
  readonly mappingVersion: number
  /** Of the entries since the event before. */
  readonly authors: readonly Author[]
}

/** Which columns and child tables differ, without the one that only counts entries. The order of child rows is no value. */
export function changedNames(plan: Plan, before: Shadow | null, after: Shadow): readonly string[] {
  const names = new Set([after, before ?? {}].flatMap((shadow) => Object.keys(withoutBindings(shadow))))
  for (const name of [...plan.main.record, sequenceColumn(plan)]) if (name !== undefined) names.delete(name)
  return [...names].filter(
    (name) => !isDeepStrictEqual(comparable(plan, name, before?.[name]), comparable(plan, name, after[name])),
  )
}

/** `replayed`: a rebuild came by, and the log has nothing that was not projected before. */
export function operationOf(plan: Plan, before: Shadow | null, after: Shadow, replayed: boolean): Operation {
  if (replayed) return 'r'
  if (before === null) return 'c'
  const column = plan.mapping.rules.find((rule) => rule.rule === 'lifecycle')?.column
  return column !== undefined && isEmpty(before[column]) && !isEmpty(after[column]) ? 'd' : 'u'
}

/** Nothing there, null, no rows and an object without anything in it are the same; child rows go by their key. */
function comparable(plan: Plan, name: string, value: Shadow[string] | undefined): unknown {
  if (isEmpty(value) || (typeof value === 'object' && Object.keys(value).length === 0)) return null
  if (!Array.isArray(value)) return value
  const key = plan.children.find((table) => table.name === name)?.key
  return new Map(value.map((row: Row) => [JSON.stringify(key?.map((column) => row[column]) ?? row), row]))
}

function isEmpty(value: Shadow[string] | undefined): value is null | undefined {
  return value === undefined || value === null
}
