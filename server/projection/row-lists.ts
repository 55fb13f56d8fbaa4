/**
 * Lists of records by their rows: which ones meet conditions, in which order. What a row says may lag behind its record; whoever asks
 * reads the records themselves. A list that takes long to find is given up, so that nobody's question keeps the tables busy.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import { parseRecordId, type RecordId } from '@rapport/shared/ids.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import { reaching } from '../log/reaching.ts'
import { listStatement, type RowPlace, type RowQuery } from './list-statement.ts'
import { type ListedFields, listedFields } from './listed-fields.ts'
import { searchedPlaces } from './searched-places.ts'

/** Milliseconds, on Postgres; the embedded database cannot give a statement up. */
const PATIENCE_MS = 3_000
const GIVEN_UP = '57014'
/** SQLSTATEs of values that do not fit their column's type. */
const UNFIT_VALUE = /^22/

export interface RowList {
  readonly fields: ListedFields
  /** Whether a search finds anything in records of this type. */
  readonly searched: boolean
  /**
   * At most `limit` places, in order. Rejects with `overload` if the database cannot be reached or it takes too long, and with
   * `malformed` if the place that the page is to begin behind holds values which these fields cannot have.
   */
  page(query: RowQuery): Promise<readonly RowPlace<RecordId>[]>
}

/** By name of a record type; `undefined` for a type that has no rows. */
export type RowLists = (type: string) => RowList | undefined

export interface RowListNeeds {
  readonly sql: Sql
  readonly plans: readonly Plan[]
  readonly canGiveUp: boolean
  readonly onGivenUp: () => void
}

export function createRowLists(needs: RowListNeeds): RowLists {
  const lists = new Map(needs.plans.map((plan) => [plan.type.name, rowList(needs, plan)]))
  return (type) => lists.get(type)
}

type Found = Readonly<Record<string, string | null>>

function rowList({ sql, canGiveUp, onGivenUp }: RowListNeeds, plan: Plan): RowList {
  const searched = searchedPlaces(plan)

  function read(text: string, values: readonly (string | number)[]): Promise<readonly Found[]> {
    if (!canGiveUp) return sql.unsafe<Found[]>(text, [...values])
    return sql.begin(async (step) => {
      await step.unsafe(`set local statement_timeout = ${PATIENCE_MS}`)
      return await step.unsafe<Found[]>(text, [...values])
    }) as Promise<readonly Found[]>
  }

  return {
    fields: listedFields(plan),
    searched: searched.length > 0,
    async page(query) {
      const { text, values } = listStatement(plan, searched, query)
      const rows = await reaching(
        read(text, values).catch((thrown: unknown) => {
          const code = String((thrown as { readonly code?: unknown } | null)?.code)
          if (code === GIVEN_UP) onGivenUp()
          if (UNFIT_VALUE.test(code) && query.after !== undefined) {
            return new SyncError('malformed', 'cursor must come from an earlier answer', { cause: thrown })
          }
          throw thrown
        }),
      )
      if (rows instanceof SyncError) throw rows
      return rows.flatMap((row) => placeOf(row, query.sort.length))
    },
  }
}

function placeOf(row: Found, keys: number): readonly RowPlace<RecordId>[] {
  const id = parseRecordId(row.id ?? '')
  return id === undefined ? [] : [{ id, keys: Array.from({ length: keys }, (_, index) => row[`k${index}`] ?? null) }]
}
