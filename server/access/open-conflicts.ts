/**
 * The conflicts of a record that are open: found by what they are about and by the client whose write was replaced, the oldest first; and
 * how many there may be. Whoever may write can leave one with every client id that he draws, and nobody reviews hundreds of a field.
 */
import type { Conflict, Findings } from '../log/findings.ts'

/**
 * A field meets as many writes as devices were offline together, which is a handful; a record as many as its fields were edited so.
 * Two hundred of a field are ten times what the largest team leaves behind, and the winner of a field looks at each of them.
 * Ten fields full of them are some megabytes at most in memory, and in the one answer from which the judge reads them.
 */
export const MOST_OPEN = { path: 200, record: 2_000 } as const

/** What a row takes of memory without its values, and for each character of those, bytes. */
const ROW_BYTES = 1_024
const CHARACTER_BYTES = 2

interface Row {
  conflict: Conflict
  /** Grows with each row that is opened. */
  readonly ordinal: number
}

interface PathRows {
  /** By id. */
  readonly rows: Map<string, Row>
  /** By the client that made the replaced write. */
  readonly losers: Map<number, Set<Row>>
}

export class OpenConflicts {
  /** By id, the oldest first. */
  readonly #rows = new Map<string, Row>()
  readonly #paths = new Map<string, PathRows>()
  #opened = 0
  #bytes = 0

  /** What they take of memory, in bytes, roughly. */
  get bytes(): number {
    return this.#bytes
  }

  get(id: string): Conflict | undefined {
    return this.#rows.get(id)?.conflict
  }

  *at(path: readonly string[]): Iterable<Conflict> {
    for (const { conflict } of this.#paths.get(nameOf(path))?.rows.values() ?? []) yield conflict
  }

  /** Those in which one of these clients lost. */
  lostBy(path: readonly string[], clients: ReadonlySet<number>): readonly Conflict[] {
    const losers = this.#paths.get(nameOf(path))?.losers
    if (losers === undefined) return []
    const rows: Row[] = []
    for (const client of clients) rows.push(...(losers.get(client) ?? []))
    return rows.sort((one, other) => one.ordinal - other.ordinal).map(({ conflict }) => conflict)
  }

  /** A row that is open already stays as old as it is. */
  put(conflict: Conflict): void {
    const held = this.#rows.get(conflict.id)
    if (held !== undefined) this.#leave(held)
    this.#opened += 1
    const row = held ?? { conflict, ordinal: this.#opened }
    row.conflict = conflict
    this.#rows.set(conflict.id, row)
    this.#enter(row)
  }

  /** False if it is not open. */
  remove(id: string): boolean {
    const row = this.#rows.get(id)
    if (row === undefined) return false
    this.#leave(row)
    this.#rows.delete(id)
    const name = nameOf(row.conflict.path)
    const path = this.#paths.get(name)
    path?.rows.delete(id)
    if (path?.rows.size === 0) this.#paths.delete(name)
    return true
  }

  /** The oldest of this path, or else of all, if there are more than may be. */
  surplus(path: readonly string[]): Conflict | undefined {
    const here = this.#paths.get(nameOf(path))?.rows
    const [rows, most] =
      here !== undefined && here.size > MOST_OPEN.path ? [here, MOST_OPEN.path] : [this.#rows, MOST_OPEN.record]
    if (rows.size <= most) return undefined
    const [oldest] = rows.values()
    return oldest?.conflict
  }

  #enter(row: Row): void {
    const { id, path, replaced } = row.conflict
    const name = nameOf(path)
    const here = this.#paths.get(name) ?? { rows: new Map<string, Row>(), losers: new Map<number, Set<Row>>() }
    this.#paths.set(name, here)
    here.rows.set(id, row)
    const lost = here.losers.get(replaced.item.client) ?? new Set<Row>()
    here.losers.set(replaced.item.client, lost.add(row))
    this.#bytes += sizeOf(row.conflict)
  }

  /** Its place among those of its path is kept. */
  #leave(row: Row): void {
    const { path, replaced } = row.conflict
    const losers = this.#paths.get(nameOf(path))?.losers
    const lost = losers?.get(replaced.item.client)
    lost?.delete(row)
    if (lost?.size === 0) losers?.delete(replaced.item.client)
    this.#bytes -= sizeOf(row.conflict)
  }
}

/** How many rows the server dismissed with an entry, since too many were open. */
export function dismissedByServer({ conflicts, settled }: Findings): number {
  return conflicts.filter(({ dismissed }) => dismissed).length + settled.filter(({ byServer }) => byServer).length
}

function nameOf(path: readonly string[]): string {
  return JSON.stringify(path)
}

function sizeOf({ kept, replaced }: Conflict): number {
  const characters = (value: Conflict['kept']['value']): number => (typeof value === 'string' ? value.length : 0)
  return ROW_BYTES + CHARACTER_BYTES * (characters(kept.value) + characters(replaced.value))
}
