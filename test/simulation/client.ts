/**
 * A stock client as the simulation sees it: one Y.Doc, edits online and offline, and at most one connection whose two
 * directions are queues that are flushed by hand. A faulty line loses, repeats and reorders frames, which a real one does not;
 * a new connection puts that right.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import * as Y from 'yjs'
import { preScan } from '../../server/access/pre-scan.ts'
import type { Principal } from '../../server/auth/principal.ts'
import type { Room } from '../../server/document/handle.ts'
import type { Subscriber } from '../../server/document/subscriber.ts'
import type { Instance } from './instance.ts'
import type { Oracle } from './oracle.ts'
import type { World } from './world.ts'

type ToServer = { readonly type: 'step1'; readonly vector: Uint8Array } | { readonly type: 'update'; readonly update: Uint8Array }
type ToClient = { readonly type: 'step1'; readonly vector: Uint8Array } | { readonly type: 'update'; readonly update: Uint8Array }

/** Probability, for each frame, of each mishap. */
export interface Line {
  mishap: number
}

interface Connection {
  open: boolean
  /** Step 1 was answered: from here on entries are delivered, since before it they might lean on what the client lacks. */
  answered: boolean
  room: Room | undefined
  readonly instance: Instance
  readonly subscriber: Subscriber
  /** Submissions handed to the room and not settled yet. */
  unsettled: number
  readonly toServer: ToServer[]
  readonly toClient: ToClient[]
}

export class SimulatedClient {
  readonly document = new Y.Doc()
  readonly echo: boolean
  readonly #world: World
  readonly #oracle: Oracle
  readonly #line: Line
  readonly #key: RecordKey
  readonly #principal: Principal
  #connection: Connection | undefined
  /** Own clocks that the server has shown back: acknowledged. */
  acknowledged = 0
  /** Told for good that something it holds is refused: it will not come back. */
  banned = false
  /** It was refused for good and had done nothing to deserve it. */
  wronged = false
  #holdsPoison = false
  /** Poisonous bytes went out on the current connection. */
  #sentPoison = false

  constructor(given: { world: World; oracle: Oracle; line: Line; key: RecordKey; principal: Principal; echo: boolean }) {
    this.echo = given.echo
    this.#world = given.world
    this.#oracle = given.oracle
    this.#line = given.line
    this.#key = given.key
    this.#principal = given.principal
    this.document.clientID = given.world.random.uint32()
    this.document.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== this) this.#send({ type: 'update', update })
    })
  }

  get connected(): boolean {
    return this.#connection !== undefined && !this.#connection.instance.dead
  }

  /** May look and not write. */
  get reads(): boolean {
    return this.#principal.roles.includes('viewer')
  }

  get unsettled(): number {
    return this.#connection?.unsettled ?? 0
  }

  connect(instance: Instance): void {
    if (this.banned) return
    this.disconnect()
    this.#sentPoison = false
    const connection: Connection = {
      open: true,
      answered: false,
      unsettled: 0,
      room: undefined,
      instance,
      toServer: [],
      toClient: [],
      subscriber: this.#subscriber(() => connection),
    }
    this.#connection = connection
    this.#send({ type: 'step1', vector: Y.encodeStateVector(this.document) })
    this.#world.offer(() => void this.#enter(connection))
  }

  disconnect(): void {
    const connection = this.#connection
    if (connection === undefined) return
    connection.open = false
    this.#connection = undefined
    if (connection.room === undefined || connection.instance.dead) return
    connection.room.leave(connection.subscriber)
    connection.instance.registry.release(connection.room)
  }

  /** Sends bytes that are not of its document; it will be refused for them, and may come back. */
  sendRaw(update: Uint8Array): void {
    this.#sentPoison = true
    this.#send({ type: 'update', update })
  }

  /** Writes what cannot be stored into its own document. */
  keepPoison(text: string): void {
    this.#holdsPoison = true
    this.document.getMap('fields').set('title', text)
  }

  /** What this edit sends is lost on a line that does not break. */
  loseNext(edit: () => void): void {
    edit()
    this.#connection?.toServer.pop()
  }

  async #enter(connection: Connection): Promise<void> {
    if (connection.instance.dead) return this.#lost(connection)
    try {
      const room = await connection.instance.registry.acquire(this.#key)
      if (!connection.open) return connection.instance.registry.release(room)
      connection.room = room
      room.join(connection.subscriber, (answer) => {
        if (answer.type === 'unavailable') return this.#lost(connection)
        this.#oracle.shownVector(answer.value, 'a join')
        this.#reply(connection, { type: 'step1', vector: answer.value })
        for (const _ of connection.toServer) this.#world.offer(() => this.#toServer(connection))
      })
    } catch (error) {
      if (!(error instanceof SyncError)) throw error
      this.#lost(connection)
    }
  }

  #lost(connection: Connection): void {
    if (connection === this.#connection) this.disconnect()
  }

  #send(message: ToServer): void {
    const connection = this.#connection
    if (connection === undefined) return
    connection.toServer.push(message)
    if (connection.room !== undefined) this.#world.offer(() => this.#toServer(connection))
  }

  #toServer(connection: Connection): void {
    const message = this.#next(connection.toServer, () => this.#toServer(connection))
    if (message === undefined || !connection.open || connection.instance.dead || connection.room === undefined) return
    if (message.type === 'update') {
      connection.unsettled += 1
      return connection.room.submit(connection.subscriber, message.update)
    }
    connection.room.read(message.vector, (answer) => {
      if (answer.type === 'unavailable') return this.#lost(connection)
      this.#oracle.shown(answer.value, 'a read')
      connection.answered = true
      this.#reply(connection, { type: 'update', update: answer.value })
    })
  }

  #reply(connection: Connection, message: ToClient): void {
    connection.toClient.push(message)
    this.#world.offer(() => this.#toClient(connection))
  }

  #toClient(connection: Connection): void {
    const message = this.#next(connection.toClient, () => this.#toClient(connection))
    if (message === undefined || !connection.open) return
    if (message.type === 'step1') {
      // A state vector that the server shows is as good as an acknowledgement.
      this.#acknowledge(0, Y.decodeStateVector(message.vector).get(this.document.clientID) ?? 0)
      return this.#send({ type: 'update', update: Y.encodeStateAsUpdate(this.document, message.vector) })
    }
    for (const { client, start, end } of preScan(message.update).structs) {
      if (client === this.document.clientID) this.#acknowledge(start, end)
    }
    Y.applyUpdate(this.document, message.update, this)
  }

  #acknowledge(start: number, end: number): void {
    if (start <= this.acknowledged) this.acknowledged = Math.max(this.acknowledged, end)
  }

  /** The first frame of a queue, or what a faulty line makes of it. */
  #next<T>(queue: T[], again: () => void): T | undefined {
    const { random } = this.#world
    if (queue.length > 0 && random.chance(this.#line.mishap)) {
      const mishap = random.below(3)
      const [first, second] = queue
      if (mishap === 0) {
        queue.shift()
        return undefined
      }
      if (mishap === 1 && first !== undefined) {
        queue.unshift(first)
        this.#world.offer(again)
      } else if (first !== undefined && second !== undefined) {
        queue[0] = second
        queue[1] = first
      }
    }
    return queue.shift()
  }

  #subscriber(connection: () => Connection): Subscriber {
    return {
      principal: this.#principal,
      echo: this.echo,
      update: (entry) => {
        this.#oracle.shown(entry.update, `entry ${entry.sequence}`)
        this.#oracle.shownVector(entry.stateVector(), `the vector behind entry ${entry.sequence}`)
        if (connection().answered) this.#reply(connection(), { type: 'update', update: entry.update })
      },
      repeat: (stored) => {
        const update = stored()
        this.#oracle.shown(update, 'a repeat')
        this.#reply(connection(), { type: 'update', update })
      },
      ask: (vector) => {
        this.#oracle.shownVector(vector, 'a question')
        this.#reply(connection(), { type: 'step1', vector })
      },
      settled: (count) => {
        connection().unsettled -= count
      },
      presence: () => undefined,
      end: (reason) => {
        if (!reason.retry && !this.#holdsPoison && !this.#sentPoison) this.wronged = true
        if (!reason.retry && this.#holdsPoison) this.banned = true
        this.#lost(connection())
      },
    }
  }
}
