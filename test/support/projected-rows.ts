/** What the mapped tables hold of a record, in the words of a projection, so that the two can be compared. */
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { Cell, Plan, PlanTable, Projection, Row } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../../server/db.ts'

export type Rows = Pick<Projection, 'main' | 'children'>

/** `undefined` if there is no main row. Children come in the order of their keys. */
export async function readRows(sql: Sql, plan: Plan, key: RecordKey): Promise<Rows | undefined> {
  const read = async (table: PlanTable): Promise<readonly Row[]> => {
    const columns = table.columns.map(({ name }) => `"${name}"`).join(', ')
    const [tenant, id] = table.record
    const rows = await sql.unsafe<{ row: Row }[]>(
      `select to_jsonb(t) as row from (select ${columns} from public."${table.name}" where "${tenant}" = $1 and "${id}" = $2) t`,
      [key.tenant, key.id],
    )
    return comparable(
      table,
      rows.map(({ row }) => row),
    )
  }
  const [main] = await read(plan.main)
  if (main === undefined) return undefined
  const children: Record<string, readonly Row[]> = {}
  for (const table of plan.children) children[table.name] = await read(table)
  return { main, children }
}

/** A projection in the same words. */
export function comparableRows(plan: Plan, { main, children }: Rows): Rows {
  const [row = main] = comparable(plan.main, [main])
  return {
    main: row,
    children: Object.fromEntries(plan.children.map((table) => [table.name, comparable(table, children[table.name] ?? [])])),
  }
}

function comparable(table: PlanTable, rows: readonly Row[]): readonly Row[] {
  const keyOf = (row: Row): string => JSON.stringify(table.key.map((column) => row[column]))
  return rows
    .map((row) => Object.fromEntries(table.columns.map(({ name, type }) => [name, comparableCell(type, row[name] ?? null)])))
    .sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))
}

/** Numbers are equal whatever their trailing zeros, instants whatever their zone. */
function comparableCell(type: string, cell: Cell): Cell {
  if (cell === null) return null
  if (type === 'numeric') return Number(cell)
  if (type.startsWith('timestamp')) return Date.parse(String(cell))
  return cell
}
