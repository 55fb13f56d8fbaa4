/**
 * Says when a record's snapshot should be rewritten: once the log behind it takes 256 KiB and twice its size, or has so many entries
 * that loading would take noticeably longer, at least 200 and more the larger the snapshot. Either way what is rewritten
 * stays linear in what was written.
 */

export interface Tail {
  readonly entries: number
  readonly bytes: number
  readonly snapshotBytes: number
}

const ENTRIES = 200
/** Bytes of snapshot that one more entry behind it is worth rewriting. */
const BYTES_PER_ENTRY = 512
const BYTES = 256 * 1024

export class CompactionGauge {
  #tail: Tail
  #running = false

  constructor(tail: Tail) {
    this.#tail = tail
  }

  /** An entry was added. */
  grow(bytes: number): void {
    const tail = this.#tail
    this.#tail = { ...tail, entries: tail.entries + 1, bytes: tail.bytes + bytes }
  }

  /** True once each time a rewrite is due; `done` arms it again. */
  claim(): boolean {
    const { entries, bytes, snapshotBytes } = this.#tail
    const many = Math.max(ENTRIES, snapshotBytes / BYTES_PER_ENTRY)
    if (this.#running || (entries < many && bytes < Math.max(BYTES, 2 * snapshotBytes))) return false
    this.#running = true
    this.#tail = { entries: 0, bytes: 0, snapshotBytes }
    return true
  }

  /** With the size of the new snapshot, if there is one. */
  done(snapshotBytes: number | undefined): void {
    this.#running = false
    if (snapshotBytes !== undefined) this.#tail = { ...this.#tail, snapshotBytes }
  }

  reset(tail: Tail): void {
    this.#tail = tail
  }
}
