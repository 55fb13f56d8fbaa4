/**
 * Writes the rows of records that its caller holds, within the caller's transaction. A row that is right stays untouched. One round trip
 * if every row is there already, and a second one for those that are missing: only then is an INSERT sent at all, since the mere sending
 * fires triggers. A row that the database takes without a word and does not write is told by `KeptRow`.
 */
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { Plan, PlanTable, Row } from '@rapport/shared/mapping/plan.ts'
import { KeptRow } from './kept-row.ts'
import type { Mapped } from './reading.ts'
import type { PlanStatements, TableStatements } from './table-statements.ts'
import { run, type Session, together } from './transaction.ts'

/** Columns that name a record. */
export interface Named {
  readonly tenant: string
  readonly id: string
}

/** What was done to a row: `news` is false if it only counts entries, and absent for a row that was deleted. */
export interface Touch extends Named {
  readonly news?: boolean
}

export interface RowWriter {
  /** Throws `KeptRow`, or what the database throws. */
  write(session: Session, records: readonly Written[]): Promise<readonly Touch[]>
}

type Written = Pick<Mapped, 'key' | 'projection'>

interface Outdated extends Named {
  /** Among the rows given, from 1. */
  readonly place: number
  readonly news: boolean
  readonly there: boolean
  readonly written: boolean
}

type Pruned = Named & Pick<Outdated, 'written'>

/** One table's part. */
interface Task {
  readonly table: PlanTable
  readonly statements: TableStatements
  readonly rows: readonly Row[]
}

export function createRowWriter(plan: Plan, statements: PlanStatements): RowWriter {
  function tasksOf(records: readonly Written[]): { readonly main: Task; readonly children: readonly Task[] } {
    const main = { table: plan.main, statements: statements.main, rows: records.map(({ projection }) => projection.main) }
    const children = plan.children.flatMap((table, index): Task[] => {
      const own = statements.children[index]
      return own === undefined ? [] : [{ table, statements: own, rows: records.flatMap((record) => childRows(table, record)) }]
    })
    return { main, children }
  }

  return {
    async write(session, records) {
      const { main, children } = tasksOf(records)
      const keys = JSON.stringify(records.map(({ key }) => nameOf(key)))
      const updates: Promise<readonly Outdated[]>[] = [update(session, main)]
      const prunes: Promise<readonly Named[]>[] = []
      // All at once, and in this order: entries may then swap a value that is unique.
      for (const child of children) {
        prunes.push(prune(session, child, keys))
        updates.push(update(session, child))
      }
      const [outdated, pruned] = await together([together(updates), together(prunes)])
      const inserts = [main, ...children].map((task, index) => insertMissing(session, task, outdated[index] ?? []))
      await together(inserts)
      return [...outdated, ...pruned].flat()
    },
  }
}

async function update(session: Session, { table, statements, rows }: Task): Promise<readonly Outdated[]> {
  if (rows.length === 0) return []
  const outdated = await run<Outdated>(session, statements.update, [JSON.stringify(rows)])
  if (outdated.some(({ there, written }) => there && !written)) throw new KeptRow(table.name)
  return outdated
}

async function prune(session: Session, { table, statements, rows }: Task, keys: string): Promise<readonly Named[]> {
  const surplus = await run<Pruned>(session, statements.prune, [keys, JSON.stringify(rows)])
  if (surplus.some(({ written }) => !written)) throw new KeptRow(table.name)
  return surplus.map(nameOf)
}

async function insertMissing(session: Session, { table, statements, rows }: Task, outdated: readonly Outdated[]): Promise<void> {
  const places = new Set(outdated.filter(({ there }) => !there).map(({ place }) => place))
  const missing = rows.filter((_, index) => places.has(index + 1))
  if (missing.length === 0) return
  const inserted = await run<Named>(session, statements.insert, [JSON.stringify(missing)])
  if (inserted.length < missing.length) throw new KeptRow(table.name)
}

function childRows(table: PlanTable, { projection }: Written): readonly Row[] {
  return projection.children[table.name] ?? []
}

function nameOf({ tenant, id }: Named | RecordKey): Named {
  return { tenant, id }
}
