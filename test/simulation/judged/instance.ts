/**
 * What a server does with one record, without sockets, rooms or a database: a live document, a ledger and the judge, on a log
 * that it may share with another instance. At most one entry is under way, and while it is nothing is read here. An instance
 * that is outrun throws document and ledger away, loads them from the log, and judges the same messages again.
 */
import { materialise } from '@rapport/shared/schema/layout.ts'
import * as Y from 'yjs'
import { type Docket, type Judgement, judge } from '../../../server/access/judge.ts'
import { Ledger } from '../../../server/access/ledger.ts'
import type { Policy } from '../../../server/access/policy.ts'
import { preScan, type ScannedUpdate } from '../../../server/access/pre-scan.ts'
import { createServerClient, type ServerClient } from '../../../server/access/server-client.ts'
import { createSlicer, type Slicer } from '../../../server/access/slices.ts'
import type { Submission } from '../../../server/access/submission.ts'
import type { JudgedEntry, Position } from '../../../server/log/entry.ts'
import { applyStored } from '../../../server/log/replay.ts'
import { tenant } from './people.ts'
import { judgedType, MARKERS } from './places.ts'
import type { Message } from './replica.ts'
import type { ServerEdit } from './server-edit.ts'
import { positionOf, type SharedLog } from './shared-log.ts'

/** A part of a message that is judged in several, as a room does with large ones. */
export interface Piece {
  readonly message: Message
  readonly update: ScannedUpdate
  readonly last: boolean
}

export type Waiting = Message | Piece | ServerEdit

/** Structs or deletions of a piece. */
const PIECE = 2

interface Flight {
  readonly batch: readonly Waiting[]
  readonly judgement: Judgement
  readonly entry: JudgedEntry
}

export interface World {
  readonly log: SharedLog
  readonly random32: () => number
  readonly newId: () => string
  /** An entry is in the log. */
  readonly committed: (entry: JudgedEntry, batch: readonly Waiting[], judgement: Judgement) => void
  /** Nothing of these is new, or they were turned away; nothing is stored. */
  readonly concluded: (batch: readonly Waiting[], judgement: Judgement) => void
}

/** As it ships, but that a rep reads the notes: refused text is text that was there, too. */
const policy: Policy = {
  grants: {
    rep: {
      '*': { anyone: { record: 'write', except: { 'fields/creditLimit': 'read', 'fields/owner': 'read', notes: 'read' } } },
    },
    manager: { '*': { anyone: { record: 'write' } } },
  },
}

const key: Docket['key'] = { tenant, type: judgedType.name, id: 'judged' as Docket['key']['id'] }

export class Instance {
  document = new Y.Doc()
  position: Position = positionOf(undefined)
  outruns = 0
  #ledger: Ledger
  #server: ServerClient
  readonly #inbox: Waiting[] = []
  #flight: Flight | undefined
  /** Of what is left of messages that are cut. */
  readonly #slicers = new WeakMap<Message, Slicer>()
  readonly #world: World

  constructor(world: World) {
    this.#world = world
    this.#server = this.#serverClient()
    this.#ledger = new Ledger(world.log.rows())
    this.#load()
  }

  /** The document equals committed state. */
  get readable(): boolean {
    return this.#flight === undefined
  }

  get waiting(): number {
    return this.#inbox.length
  }

  hear(waiting: Waiting): void {
    this.#inbox.push(waiting)
  }

  /** What it has heard once more, as after a line that was cut at the wrong moment. */
  hearAgain(which: number): void {
    const message = this.#inbox[which % Math.max(this.#inbox.length, 1)]
    if (message !== undefined && 'from' in message) this.#inbox.push(message)
  }

  entriesAfter(sequence: number): readonly JudgedEntry[] {
    return this.#world.log.entries.slice(sequence, this.position.sequence)
  }

  /** Judges some of what waits, in any order; of what is cut, a few pieces, and the rest when the others have had their turn. */
  judgeSome(most: number, shuffle: number): void {
    if (this.#flight !== undefined || this.#inbox.length === 0) return
    const [first] = this.#inbox
    if (first !== undefined && 'from' in first && first.cut) return this.#judge(this.#pieces(first, most))
    const batch: Waiting[] = []
    for (let mix = shuffle; batch.length < most && this.#inbox.length > 0; mix = Math.trunc(mix / 3)) {
      // Mostly in order, as a socket has it.
      const at = mix % 3 === 0 ? Math.trunc(mix / 3) % this.#inbox.length : 0
      const waiting = this.#inbox[at]
      if (waiting !== undefined && 'from' in waiting && waiting.cut) break
      batch.push(...this.#inbox.splice(at, 1))
    }
    if (batch.length > 0) this.#judge(batch)
  }

  #pieces(message: Message, most: number): readonly Piece[] {
    this.#inbox.shift()
    const slicer = this.#slicers.get(message) ?? createSlicer(preScan(message.update))
    const pieces: Piece[] = []
    while (slicer.more() && pieces.length < most) {
      const update = slicer.next(PIECE)
      if (update !== undefined) pieces.push({ message, update, last: !slicer.more() })
    }
    if (slicer.more()) {
      const rest = { ...message }
      this.#slicers.set(rest, slicer)
      this.#inbox.push(rest)
    }
    return pieces
  }

  /** The entry under way reaches the log, or is outrun. */
  settle(): void {
    const flight = this.#flight
    if (flight === undefined) return
    this.#flight = undefined
    if (this.#world.log.append(flight.entry)) {
      this.position = positionOf(flight.entry)
      this.#world.committed(flight.entry, flight.batch, flight.judgement)
      return
    }
    this.outruns += 1
    this.#judgeAnew(flight.batch)
  }

  /** Takes in what another instance wrote. */
  learn(): void {
    if (this.#flight !== undefined) return
    const missed = this.#world.log.after(this.position)
    if (missed.length === 0) return
    applyStored(
      this.document,
      missed.map((entry) => entry.update),
    )
    this.position = this.#world.log.head
    this.#ledger = new Ledger(this.#world.log.rows())
  }

  /** All that was not committed is gone, messages too. */
  crash(): void {
    this.#flight = undefined
    this.#inbox.length = 0
    this.#server = this.#serverClient()
    this.#load()
  }

  #load(): void {
    this.document = new Y.Doc()
    materialise(judgedType, this.document)
    applyStored(this.document, this.#world.log.updates())
    this.#ledger = new Ledger(this.#world.log.rows())
    this.position = this.#world.log.head
  }

  #judge(batch: readonly Waiting[]): void {
    const { document, position } = this
    let events = 0
    const count = (): void => {
      events += 1
    }
    document.on('update', count)
    const judgement = judge({
      key,
      policy,
      document,
      position,
      submissions: batch.map(submissionOf),
      enough: () => false,
      ledger: this.#ledger,
      server: this.#server,
      type: judgedType,
      presenceOwner: () => undefined,
      entryId: this.#world.newId(),
      newId: this.#world.newId,
      now: 1_700_000_000_000 + position.sequence,
    })
    document.off('update', count)
    const { entry, verdicts } = judgement
    if (verdicts.length !== batch.length) throw new Error('a submission was left without a verdict')
    if (events !== (entry === undefined ? 0 : 1)) throw new Error(`${events} update events for one entry`)
    if (document.store.pendingStructs !== null || document.store.pendingDs !== null) throw new Error('structs are pending')
    // As a room does: nothing is foreign for good before the log has been looked at; it may hold it by now.
    if (verdicts.some(({ type }) => type === 'foreign') && this.#world.log.after(this.position).length > 0)
      return this.#judgeAnew(batch)
    if (entry === undefined) return this.#world.concluded(batch, judgement)
    const bytes = Buffer.from(entry.update)
    if (MARKERS.some((marker) => bytes.includes(marker))) throw new Error('P4: an entry holds bytes of what is forbidden')
    this.#flight = { batch, judgement, entry }
  }

  #judgeAnew(batch: readonly Waiting[]): void {
    this.#inbox.unshift(...batch)
    this.#server.renew()
    this.#load()
  }

  #serverClient(): ServerClient {
    const { random32 } = this.#world
    const idle = { cancel: () => undefined }
    return createServerClient({ now: () => 0, elapsed: () => 0, after: () => idle, soon: () => undefined, random32 })
  }
}

function submissionOf(waiting: Waiting): Submission {
  if ('intent' in waiting) return waiting.submission()
  if ('from' in waiting) {
    const { from, update, vector } = waiting
    return { type: 'update', principal: from.principal, update: preScan(update), vector }
  }
  const { message, update, last } = waiting
  const whole = preScan(message.update)
  return { type: 'update', principal: message.from.principal, update, whole, unfinished: !last, vector: message.vector }
}
