/**
 * A person's device: a stock Y.Doc, what it has written and not yet seen committed, and its line to an instance. It does what a
 * stock provider does: while it is connected every local change goes out as one update, and when it connects it answers the
 * question for what it has more before it takes anything in.
 */

import * as Y from 'yjs'
import { principalOfSignature } from '../../../server/auth/principal.ts'
import type { JudgedEntry, Position } from '../../../server/log/entry.ts'
import { look, type Notebook, type Write } from './notebook.ts'
import { type Person, tenant } from './people.ts'
import { isClearable, type Place } from './places.ts'
import { SPOILS, type TextBook, type TextMove, type TextRootName } from './text-book.ts'

/** In the runs' policy a rep reads the notes. */
function mayWriteText({ role }: Person, root: TextRootName): boolean {
  return role !== 'rep' || root !== 'notes'
}

/** What a replica knows of the instance that it is connected to. */
export interface Host {
  readonly readable: boolean
  readonly document: Y.Doc
  readonly position: Position
  hear(message: Message): void
  entriesAfter(sequence: number): readonly JudgedEntry[]
}

/** What travels to an instance. */
export interface Message {
  readonly from: Replica
  readonly update: Uint8Array
  /** In the order in which they were made; those of a whole state that are committed already are left out. */
  readonly writes: readonly Write[]
  /** Numbers of the transactions in it. */
  readonly first: number
  readonly last: number
  /** It is judged in pieces. */
  readonly cut: boolean
  /** Of an answer to an instance's question; none with a live update. */
  readonly vector: ReadonlyMap<number, number> | undefined
}

export type Act = 'set' | 'empty' | 'delete' | 'misfit' | 'inner'
export type Edit =
  | { readonly place: Place; readonly act: Act; readonly n: number }
  | { readonly root: TextRootName; readonly move: TextMove; readonly n: number }

export interface Habits {
  /** Whether its replica drops what was deleted. */
  readonly gc: boolean
  /** Whether its answers are so large that they are judged in pieces. */
  readonly cut: boolean
}

/** The origin of what comes from an instance. */
const INSTANCE = {}

export class Replica {
  readonly person: Person
  readonly document: Y.Doc
  instance: Host | undefined
  /** It has taken in what the instance had when it connected; until then no single entries are for it. */
  caughtUp = false
  /** How many entries of the log it has taken in; none are missing before that. */
  cursor = 0
  /** It was told of a gap. */
  asked = false
  #written: Write[] = []
  #underWay: Write[] = []
  /** Transactions so far. */
  #edits = 0
  /** Its own deletions. */
  readonly #cut: boolean
  readonly #made = new Set<Write>()
  #notebook: Notebook
  #texts: TextBook

  constructor(person: Person, client: number, habits: Habits, notebook: Notebook, texts: TextBook) {
    this.person = person
    this.#cut = habits.cut
    this.document = new Y.Doc({ gc: habits.gc })
    this.document.clientID = client
    this.#notebook = notebook
    this.#texts = texts
    this.document.on('update', (update: Uint8Array, origin: unknown) => {
      const writes = this.#underWay
      this.#underWay = []
      this.#written.push(...writes)
      if (origin !== INSTANCE) this.#send(update, writes, this.#edits, undefined)
    })
  }

  get principal() {
    const { sub, role } = this.person
    return principalOfSignature(tenant, { author: { sub, role }, roles: [role], teams: [] })
  }

  /** The instance's question is answered before anything is taken in; false while the instance cannot be read. */
  connect(instance: Host): boolean {
    if (!instance.readable) return false
    this.instance = instance
    this.caughtUp = false
    this.answer()
    return true
  }

  disconnect(): void {
    this.instance = undefined
    this.asked = false
  }

  /** All that the instance lacks, and what the replica has. */
  answer(): void {
    const { instance } = this
    if (instance === undefined || !instance.readable) return
    this.asked = false
    this.#written = this.#written.filter(({ fate }) => fate === 'away')
    const update = Y.encodeStateAsUpdate(this.document, Y.encodeStateVector(instance.document))
    const vector = Y.decodeStateVector(Y.encodeStateVector(this.document))
    this.#send(update, [...this.#written], 0, vector)
  }

  /** Takes in what the instance has for it: all that it lacks, or the next few entries. True if that changed anything. */
  receive(most: number): boolean {
    const { instance } = this
    if (instance === undefined) return false
    let changed = false
    const notice = (): void => {
      changed = true
    }
    this.document.on('update', notice)
    if (this.caughtUp) {
      const next = instance.entriesAfter(this.cursor).slice(0, most)
      for (const entry of next) Y.applyUpdate(this.document, entry.update, INSTANCE)
      this.cursor += next.length
    } else if (instance.readable) {
      Y.applyUpdate(this.document, Y.encodeStateAsUpdate(instance.document, Y.encodeStateVector(this.document)), INSTANCE)
      this.caughtUp = true
      this.cursor = Math.max(this.cursor, instance.position.sequence)
    }
    this.document.off('update', notice)
    const { pendingStructs, pendingDs } = this.document.store
    if (pendingStructs !== null || pendingDs !== null) throw new Error('P3: a replica waits for content that never comes')
    return changed
  }

  /** One transaction of its person. */
  edit(edits: readonly Edit[]): void {
    this.#edits += 1
    this.document.transact(() => {
      for (const edit of edits) {
        if ('root' in edit) this.#moveText(edit.root, edit.move, edit.n)
        else this.#write(edit.place, edit.act, edit.n)
      }
    })
  }

  #send(update: Uint8Array, writes: readonly Write[], first: number, vector: Message['vector']): void {
    this.instance?.hear({ from: this, update, writes, first, last: this.#edits, cut: this.#cut && vector !== undefined, vector })
  }

  #moveText(root: TextRootName, move: TextMove, at: number): void {
    const permitted = mayWriteText(this.person, root)
    // What is too long as a whole may not be so in pieces.
    const n = this.#cut && at % SPOILS === SPOILS - 1 ? at - 1 : at
    this.#texts.move(this.document, { root, author: this, edit: this.#edits }, move, n, permitted)
  }

  #has(clear: Write): boolean {
    return this.#made.has(clear) || (clear.entry ?? Number.POSITIVE_INFINITY) <= this.cursor
  }

  #write(place: Place, act: Act, n: number): void {
    const map = this.document.getMap(place.root)
    const before = look(this.document, place, (clear) => this.#has(clear))
    const { client, draft } = { client: this.document.clientID, draft: this.person }
    const mine = place.kind !== 'nowhere' && !(place.managersOnly && draft.role === 'rep')
    const note = { author: draft, client }
    if (act === 'delete' || (act === 'empty' && place.kind === 'member')) {
      if (!map.has(place.key)) return
      map.delete(place.key)
      const clear = this.#notebook.clear(place, before, { ...note, permitted: mine && isClearable(place) })
      this.#made.add(clear)
      this.#underWay.push(clear)
      return
    }
    const nested = map.get(place.key)
    if (act === 'inner' && nested instanceof Y.Map) {
      nested.set('again', `FORBID${n}`)
      return
    }
    const { value, fits } = valueFor(place, act, n, mine)
    map.set(place.key, value)
    const item = { client, clock: Y.getState(this.document.store, client) - 1 }
    const id = map._map.get(place.key)?.id ?? item
    this.#underWay.push(this.#notebook.set(place, before, id, value, { ...note, permitted: mine && fits }))
  }
}

function valueFor(place: Place, act: Act, n: number, mine: boolean): { readonly value: unknown; readonly fits: boolean } {
  if (act === 'empty') return { value: null, fits: isClearable(place) }
  if (act === 'inner') return { value: new Y.Map([['inner', `FORBID${n}`]]), fits: false }
  if (act === 'misfit') return { value: place.misfits[n % place.misfits.length]?.(n), fits: false }
  return { value: mine ? place.fits(n) : place.forbidden(n), fits: true }
}
