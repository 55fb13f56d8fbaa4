/**
 * One record's content in memory: as bytes while nobody edits it, as a Y.Doc (about ten times the memory) while somebody does.
 *
 * Whoever holds it decides when it equals committed state; answers are cached until `changed` says that it moved on, so a
 * hundred clients that open a record at once cost one encoding.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import * as Y from 'yjs'
import { groupByClient, isCovered, type RangesByClient } from '../access/clock-ranges.ts'
import { type ClockRange, type ScannedUpdate, storedDeletions } from '../access/pre-scan.ts'
import { applyStored, applyStoredInTurns } from '../log/replay.ts'

/** Measured on customer records: the heap a Y.Doc takes for each byte of its encoded state. */
const LIVE_FACTOR = 12
const NOTHING_KNOWN = Uint8Array.of(0)
const EMPTY_UPDATE = Uint8Array.of(0, 0)

/** Answers kept for one committed state: joiners mostly come with one of very few state vectors. */
const MAX_CACHED_DIFFS = 8

type Content = { readonly bytes: Uint8Array; readonly vector: Uint8Array } | { readonly document: Y.Doc }

export class Replica {
  #state: Content
  readonly #diffs = new Map<string, Uint8Array>()
  #vector: Uint8Array | undefined
  #deletes: RangesByClient | undefined
  #bytes: number
  #cachedBytes = 0

  private constructor(state: Content, bytes: number) {
    this.#state = state
    this.#bytes = bytes
  }

  /** From an encoded state and its state vector; both are kept as they are. */
  static frozen(bytes: Uint8Array, vector: Uint8Array): Replica {
    return new Replica({ bytes, vector }, bytes.length)
  }

  static empty(): Replica {
    return Replica.frozen(EMPTY_UPDATE, NOTHING_KNOWN)
  }

  /** From updates in order. Throws what Yjs throws, and if they do not make a whole. */
  static async replay(updates: readonly Uint8Array[], clock: Clock): Promise<Replica> {
    const document = new Y.Doc()
    await applyStoredInTurns(document, updates, clock)
    return new Replica(
      { document },
      updates.reduce((sum, update) => sum + update.length, 0),
    )
  }

  get live(): boolean {
    return 'document' in this.#state
  }

  /** Size of the encoded state in bytes: exact after a freeze or a measurement, an upper estimate while edits add to it. */
  get size(): number {
    return this.#bytes
  }

  /** The exact size of the encoded state in bytes, at the price of encoding it. */
  measure(): number {
    const state = this.#state
    this.#bytes = 'document' in state ? Y.encodeStateAsUpdate(state.document).length : state.bytes.length
    return this.#bytes
  }

  /** What it takes of the process's memory, in bytes, roughly. */
  get footprint(): number {
    return (this.live ? this.#bytes * LIVE_FACTOR : this.#bytes) + this.#cachedBytes
  }

  /** The live document, made from the bytes if need be. */
  document(): Y.Doc {
    const state = this.#state
    if ('document' in state) return state.document
    const document = new Y.Doc()
    applyStored(document, [state.bytes])
    this.#state = { document }
    this.#deletes = undefined
    return document
  }

  /** Runs `look` on the content, which it must not change or keep; bytes stay bytes. */
  look<T>(look: (document: Y.Doc) => T): T {
    const state = this.#state
    if ('document' in state) return look(state.document)
    const document = new Y.Doc()
    try {
      applyStored(document, [state.bytes])
      return look(document)
    } finally {
      document.destroy()
    }
  }

  /** Takes in a stored update. Throws if it does not fit; the replica is then unusable. */
  absorb(update: Uint8Array): void {
    applyStored(this.document(), [update])
    this.changed(update.length)
  }

  /** The document was changed, by about `bytes` of update. */
  changed(bytes: number): void {
    this.#bytes += bytes
    this.#vector = undefined
    this.#forgetDiffs()
  }

  stateVector(): Uint8Array {
    const state = this.#state
    if (!('document' in state)) return state.vector
    this.#vector ??= Y.encodeStateVector(state.document)
    return this.#vector
  }

  /** All content that a replica with this (decodable) state vector lacks, with every deletion. */
  diff(vector: Uint8Array): Uint8Array {
    const name = Buffer.from(vector).toString('latin1')
    let diff = this.#diffs.get(name)
    if (diff === undefined) {
      const state = this.#state
      if ('document' in state) diff = Y.encodeStateAsUpdate(state.document, vector)
      else diff = vector.length === 1 ? state.bytes : Y.diffUpdate(state.bytes, vector)
      if (this.#diffs.size >= MAX_CACHED_DIFFS) this.#forgetDiffs()
      this.#diffs.set(name, diff)
      this.#cachedBytes += name.length + diff.length
    }
    return diff
  }

  /** Whether an update brings nothing new. Bytes stay bytes. */
  covers(update: ScannedUpdate): boolean {
    const state = this.#state
    if ('document' in state) return isKnown(state.document, update)
    if (update.structs.length > 0) {
      const known = Y.decodeStateVector(state.vector)
      if (update.structs.some((range) => range.end > (known.get(range.client) ?? 0))) return false
    }
    if (update.deletes.length === 0) return true
    this.#deletes ??= groupByClient(storedDeletions(state.bytes))
    const deleted = this.#deletes
    return update.deletes.every((range) => isCovered(deleted, range))
  }

  /** Back to bytes, and without answers at hand. Throws what Yjs throws, and stays live then. */
  freeze(): void {
    const state = this.#state
    this.#forgetDiffs()
    if (!('document' in state)) return
    const bytes = Y.encodeStateAsUpdate(state.document)
    const vector = Y.encodeStateVector(state.document)
    state.document.destroy()
    this.#state = { bytes, vector }
    this.#bytes = bytes.length
    this.#vector = undefined
  }

  #forgetDiffs(): void {
    this.#diffs.clear()
    this.#cachedBytes = 0
  }
}

function isKnown({ store }: Y.Doc, { structs, deletes }: ScannedUpdate): boolean {
  if (structs.some((range) => range.end > Y.getState(store, range.client))) return false
  return deletes.every((range) => isDeleted(store, range))
}

function isDeleted(store: Y.Doc['store'], { client, start, end }: ClockRange): boolean {
  const structs = store.clients.get(client)
  if (structs === undefined || end > Y.getState(store, client)) return false
  for (let index = Y.findIndexSS(structs, start); index < structs.length; index += 1) {
    const struct = structs[index]
    if (struct === undefined || struct.id.clock >= end) break
    if (!struct.deleted) return false
  }
  return true
}
