/**
 * The one log that instances share, in memory: entries and what was found with them, admitted by comparing heads. It may be
 * compacted, as in the product through a fresh document, so that what instances load again is collected and merged.
 */
import * as Y from 'yjs'
import { type JudgedEntry, ORIGIN, type Position } from '../../../server/log/entry.ts'
import type { ClientOwner, Conflict, LedgerRows, Mark } from '../../../server/log/findings.ts'
import { applyStored } from '../../../server/log/replay.ts'

export class SharedLog {
  readonly entries: JudgedEntry[] = []
  readonly conflicts = new Map<string, Conflict>()
  /** As they were when somebody put their value back. */
  readonly settled = new Map<string, Conflict>()
  readonly #marks: Mark[] = []
  readonly #clients: ClientOwner[] = []
  #snapshot: { readonly sequence: number; readonly update: Uint8Array } = { sequence: 0, update: Uint8Array.of(0, 0) }
  /** Rows that were put again, and rows that were taken back: a run in which neither happens proves less. */
  replaced = 0
  withdrawn = 0

  get head(): Position {
    return positionOf(this.entries.at(-1))
  }

  /** False if another entry stands there already: nothing is changed then. */
  append(entry: JudgedEntry): boolean {
    const { sequence, entry: id } = this.head
    if (entry.previous.sequence !== sequence || entry.previous.entry !== id) return false
    this.entries.push(entry)
    const { marks, clients, conflicts, withdrawn, settled } = entry.findings
    this.#marks.push(...marks)
    this.#clients.push(...clients)
    for (const conflict of conflicts) {
      if (this.conflicts.has(conflict.id)) this.replaced += 1
      if (conflict.dismissed === true) this.conflicts.delete(conflict.id)
      else this.conflicts.set(conflict.id, conflict)
    }
    for (const gone of withdrawn) if (this.conflicts.delete(gone)) this.withdrawn += 1
    for (const { id: gone } of settled) {
      const row = this.conflicts.get(gone)
      if (row !== undefined) this.settled.set(gone, row)
      this.conflicts.delete(gone)
    }
    return true
  }

  /** Behind a position, in order. */
  after({ sequence }: Position): readonly JudgedEntry[] {
    return this.entries.slice(sequence)
  }

  /** All content, as it would be loaded. */
  updates(): readonly Uint8Array[] {
    const { sequence, update } = this.#snapshot
    return [update, ...this.entries.slice(sequence).map((entry) => entry.update)]
  }

  rows(): LedgerRows {
    return {
      marks: [...this.#marks],
      clients: [...this.#clients],
      conflicts: [...this.conflicts.values()],
      setAside: [],
      restored: false,
    }
  }

  compact(): void {
    const document = new Y.Doc()
    applyStored(document, this.updates())
    this.#snapshot = { sequence: this.entries.length, update: Y.encodeStateAsUpdate(document) }
  }
}

export function positionOf(entry: JudgedEntry | undefined): Position {
  return entry === undefined ? ORIGIN : { sequence: entry.previous.sequence + 1, entry: entry.id }
}
