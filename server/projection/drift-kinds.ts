/**
 * The kinds of drift, and which of them a record has. `lag`: edits that its rows do not show yet, or rows that the document does not. `stale`:
 * the shadow is not what the document said. `foreign`: rows that are not the shadow's, changed by somebody unseen. `missing`: rows that
 * are not there. `extra`: rows that nobody's document has. `outdated`: rows of another version of the mapping. `faulty`: rows that cannot be
 * written. `irreversible`: edits of rows that could not become edits of the document, or not whole.
 */
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import type { RecordState, TableDrift } from './drift-statements.ts'

export const DRIFT_KINDS = ['lag', 'stale', 'foreign', 'missing', 'extra', 'outdated', 'faulty', 'irreversible'] as const
export type DriftKind = (typeof DRIFT_KINDS)[number]

export interface Finding {
  readonly kind: DriftKind
  /** RFC 3339: how long it may have been so; null where nobody knows. */
  readonly since: string | null
  /** The tables with the columns that differ, where the kind is about rows; of a row that is missing or extra none is named. No value is. */
  readonly tables?: Readonly<Record<string, readonly string[]>>
  /** Only in columns that an earlier version of the mapping wrote: nothing writes there now. */
  readonly left?: true
  /** Nobody will come to bring the rows up to date. */
  readonly unmarked?: true
}

/** `stale`: names in the shadow that are not as the document said. */
export function findingsOf(plan: Plan, state: RecordState, stale: readonly string[]): readonly Finding[] {
  const { base, version, projected, failing, waiting } = state
  const found: Finding[] = []
  const behind = state.head > state.sequence || (base !== null && version === 0) || state.captured
  if (failing !== null) found.push({ kind: 'faulty', since: failing })
  else if (base === null && waiting === null && !state.captured)
    found.push({ kind: 'missing', since: null, tables: { [plan.main.name]: [] } })
  else if (behind) {
    const unmarked = waiting === null && !state.captured
    found.push({ kind: 'lag', since: waiting ?? projected, ...(unmarked && { unmarked }) })
  }
  if (base !== null && version !== 0 && version !== plan.mapping.version) found.push({ kind: 'outdated', since: projected })
  if (stale.length > 0) found.push({ kind: 'stale', since: projected, tables: { [plan.main.name]: stale } })
  return state.captured ? found : [...found, ...rowFindings(state)]
}

function rowFindings({ tables, left, projected }: RecordState): Finding[] {
  const found: Finding[] = []
  const tell = (kind: DriftKind, count: 'missing' | 'extra' | 'differing'): void => {
    const named = namesOf(tables, (drift) => drift[count] > 0, count === 'differing')
    if (named !== undefined) found.push({ kind, since: projected, tables: named })
  }
  tell('foreign', 'differing')
  tell('missing', 'missing')
  tell('extra', 'extra')
  const touched = namesOf(left, ({ missing, extra, differing }) => missing + extra + differing > 0, true)
  if (touched !== undefined) found.push({ kind: 'foreign', since: projected, tables: touched, left: true })
  return found
}

/** The tables with such a difference; `undefined` if there is none. */
function namesOf(
  tables: RecordState['tables'],
  differs: (drift: TableDrift) => boolean,
  withColumns: boolean,
): Finding['tables'] | undefined {
  const named = Object.entries(tables).flatMap(([name, drift]): [string, readonly string[]][] =>
    drift !== null && differs(drift) ? [[name, withColumns ? drift.columns : []]] : [],
  )
  return named.length === 0 ? undefined : Object.fromEntries(named)
}
