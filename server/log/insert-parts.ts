/**
 * The arrays that the inserting statement takes: for each kind of row its columns, their types, and where the values come
 * from, in one place, so that the statement's numbers and the values cannot part.
 *
 * Everything found in an entry names its entry again, its key and its sequence: to look those up in the statement would take
 * a join, and for a join the planner would have a choice.
 */
import type { JudgedEntry } from './entry.ts'
import {
  type AbsorbedChange,
  type ClientOwner,
  type FieldChange,
  type Findings,
  type FoundConflict,
  type ItemId,
  type Mark,
  SERVER_AUTHOR,
} from './findings.ts'

/** Name, type of Postgres, value. */
type Column<Row> = readonly [name: string, type: string, value: (row: Row) => unknown]

/** One thing found in an entry, and its place among its like there. */
interface Found<T> {
  readonly entry: JudgedEntry
  readonly found: T
  readonly ordinal: number
}

/** The last parts, in the order in which they are declared here. */
const RARE_PARTS = 4

/** Of each part its arrays, in the order in which the parts are declared; parameters are numbered in that order, too. */
const parts: ((entries: readonly JudgedEntry[]) => readonly (readonly unknown[])[])[] = []
let parameters = 0

/** The rows of a part as they stand in a `from`. */
function part<Row>(
  name: string,
  rowsOf: (entries: readonly JudgedEntry[]) => readonly Row[],
  columns: readonly Column<Row>[],
): string {
  const arrays = columns.map(([, type]) => `$${++parameters}::${type}[]`)
  const source = `unnest(${arrays.join(', ')}) as ${name} (${columns.map(([column]) => column).join(', ')})`
  parts.push((entries) => {
    const rows = rowsOf(entries)
    return columns.map(([, , value]) => rows.map(value))
  })
  return source
}

function foundPart<T>(name: string, found: (entry: JudgedEntry) => readonly T[], columns: readonly Column<Found<T>>[]): string {
  const rowsOf = (entries: readonly JudgedEntry[]): readonly Found<T>[] => {
    const rows: Found<T>[] = []
    for (const entry of entries) for (const [ordinal, one] of found(entry).entries()) rows.push({ entry, found: one, ordinal })
    return rows
  }
  return part(name, rowsOf, [...PLACE, ...columns])
}

const PLACE: readonly Column<{ readonly entry: JudgedEntry }>[] = [
  ['entry', 'uuid', ({ entry }) => entry.id],
  ['tenant', 'text', ({ entry }) => entry.key.tenant],
  ['type', 'text', ({ entry }) => entry.key.type],
  ['record_id', 'text', ({ entry }) => entry.key.id],
  ['sequence', 'bigint', ({ entry }) => entry.previous.sequence + 1],
]

export const ENTRIES = part<JudgedEntry>('given', (entries) => entries, [
  // The one array of bytes comes first, since it needs its type said.
  ['update', 'bytea', ({ update }) => update],
  ['tenant', 'text', ({ key }) => key.tenant],
  ['type', 'text', ({ key }) => key.type],
  ['id', 'text', ({ key }) => key.id],
  ['previous', 'bigint', ({ previous }) => previous.sequence],
  ['previous_entry', 'text', ({ previous }) => previous.entry],
  ['entry', 'uuid', ({ id }) => id],
  ['authors', 'text', ({ authors }) => JSON.stringify(authors)],
  ['at', 'float8', ({ at }) => at],
  ['author', 'text', ({ authors }) => authors[0]?.sub ?? ''],
  ['schema_version', 'int', ({ schemaVersion }) => schemaVersion],
])

export const MARKS = foundPart<Mark>('item', ({ findings }) => findings.marks, [
  ['ordinal', 'int', ({ ordinal }) => ordinal],
  ['client', 'bigint', ({ found }) => found.client],
  ['clock', 'bigint', ({ found }) => found.clock],
  ['length', 'int', ({ found }) => found.length],
  ['sub', 'text', ({ found }) => found.author.sub],
  ['role', 'text', ({ found }) => found.author.role],
  ['standing_client', 'bigint', ({ found }) => found.standsFor?.client ?? null],
  ['standing_clock', 'bigint', ({ found }) => found.standsFor?.clock ?? null],
  // The driver would take an array of booleans for a boolean.
  ['cleared', 'text', ({ found }) => String(found.cleared)],
])

export const CLIENTS = foundPart<ClientOwner>('client', ({ findings }) => findings.clients, [
  ['client', 'bigint', ({ found }) => found.client],
  ['sub', 'text', ({ found }) => found.owner.sub],
  ['role', 'text', ({ found }) => found.owner.role],
  ['relayed', 'text', ({ found }) => String(found.relayed)],
  ['at', 'float8', ({ entry }) => entry.at],
])

export const CHANGES = foundPart<FieldChange>('change', ({ findings }) => findings.changes, [
  ['ordinal', 'int', ({ ordinal }) => ordinal],
  ['path', 'text', ({ found }) => arrayLiteral(found.path)],
  ['before', 'text', ({ found }) => encoded(found.before)],
  ['after', 'text', ({ found }) => encoded(found.after)],
  ['sub', 'text', ({ found }) => found.author.sub],
  ['role', 'text', ({ found }) => found.author.role],
  ['device', 'text', ({ found }) => found.device],
  ['via', 'text', ({ found }) => found.via],
  ['item_client', 'bigint', ({ found }) => found.item?.client ?? null],
  ['item_clock', 'bigint', ({ found }) => found.item?.clock ?? null],
  ['at', 'float8', ({ entry }) => entry.at],
])

const item = (of: (found: FoundConflict) => ItemId, name: string): readonly Column<Found<FoundConflict>>[] => [
  [`${name}_client`, 'bigint', ({ found }) => of(found).client],
  [`${name}_clock`, 'bigint', ({ found }) => of(found).clock],
]

export const CONFLICTS = foundPart<FoundConflict>('conflict', ({ findings }) => findings.conflicts, [
  ['id', 'uuid', ({ found }) => found.id],
  ['path', 'text', ({ found }) => arrayLiteral(found.path)],
  ['status', 'text', ({ found }) => (found.dismissed === true ? 'dismissed' : 'open')],
  ...item((found) => found.kept.item, 'kept'),
  ['kept_value', 'text', ({ found }) => encoded(found.kept.value)],
  ['kept_sub', 'text', ({ found }) => found.kept.author.sub],
  ['kept_role', 'text', ({ found }) => found.kept.author.role],
  ...item((found) => found.replaced.item, 'replaced'),
  ['replaced_value', 'text', ({ found }) => encoded(found.replaced.value)],
  ['replaced_sub', 'text', ({ found }) => found.replaced.author.sub],
  ['replaced_role', 'text', ({ found }) => found.replaced.author.role],
  ['at', 'float8', ({ entry }) => entry.at],
])

export const WITHDRAWN = foundPart<string>('withdrawn', ({ findings }) => findings.withdrawn, [
  ['id', 'uuid', ({ found }) => found],
])

export const SETTLED = foundPart<Findings['settled'][number]>('settled', ({ findings }) => findings.settled, [
  ['id', 'uuid', ({ found }) => found.id],
  ['status', 'text', ({ found }) => found.status],
  ['sub', 'text', ({ entry, found }) => (found.byServer === true ? SERVER_AUTHOR.sub : soleAuthor(entry))],
  ['at', 'float8', ({ entry }) => entry.at],
])

/** Of several authors of one entry nothing says which one settled a row. */
function soleAuthor({ authors }: JudgedEntry): string | null {
  return authors.length === 1 ? (authors[0]?.sub ?? null) : null
}

export const ABSORBED = foundPart<AbsorbedChange>('absorbed', ({ findings }) => findings.absorbed, [
  ['id', 'bigint', ({ found }) => found.id],
  ['status', 'text', ({ found }) => found.status],
  ['reason', 'text', ({ found }) => found.reason],
])

/** Whether the statement needs its last four parts for these entries. */
export function needRareParts(entries: readonly JudgedEntry[]): boolean {
  return entries.some(({ findings: { conflicts, withdrawn, settled, absorbed } }) =>
    [conflicts, withdrawn, settled, absorbed].some((rows) => rows.length > 0),
  )
}

/** In the order of the parameters, with or without those of the last four parts; the first one is the array of bytes. */
export function insertValues(entries: readonly JudgedEntry[], rare: boolean): readonly (readonly unknown[])[] {
  return parts.slice(0, rare ? undefined : -RARE_PARTS).flatMap((values) => values(entries))
}

/** As JSON, which escapes what text cannot hold. */
function encoded(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value)
}

/** An array within an array: they are not all of one length, so the outer one holds them written out. */
export function arrayLiteral(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replaceAll(/[\\"]/g, '\\$&')}"`).join(',')}}`
}
