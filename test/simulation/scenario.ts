/**
 * The cast of one simulated run: one to three records in one store, one or two instances, a few people, and what may happen to
 * them. All choices come from the seed.
 */
import { parseRecordId, parseTenant, type RecordKey } from '@rapport/shared/ids.ts'
import * as Y from 'yjs'
import type { Principal, Role } from '../../server/auth/principal.ts'
import { serverPrincipal } from '../../server/auth/tokens.ts'
import { createMemoryLogStore, type MemoryDump } from '../support/memory-log-store.ts'
import { SimulatedClient } from './client.ts'
import { type Faults, UNSTORABLE, type Witness } from './faulty-store.ts'
import { createBus, type Instance, startInstance } from './instance.ts'
import { Oracle } from './oracle.ts'
import type { Random } from './random.ts'
import { World } from './world.ts'

/** How often the interesting things happened, so that a run which tests nothing shows. */
export interface Tally {
  entries: number
  outruns: number
  serverEdits: number
  kills: number
  rollbacks: number
  compactions: number
  banned: number
}

export function emptyTally(): Tally {
  return { entries: 0, outruns: 0, serverEdits: 0, kills: 0, rollbacks: 0, compactions: 0, banned: 0 }
}

/** One record, and what the checks must know of it. */
export interface Subject {
  readonly key: RecordKey
  readonly oracle: Oracle
  readonly clients: SimulatedClient[]
  /** Tags that the server wrote here and was told are committed. */
  acknowledgedEdits: Set<string>
}

const FIELDS = ['title', 'department', 'stage'] as const
const TENANT = parseTenant('simulation') ?? never('tenant')
const SERVER = serverPrincipal(TENANT)

export class Scenario {
  readonly random: Random
  readonly world: World
  readonly tally = emptyTally()
  readonly store = createMemoryLogStore()
  readonly subjects: readonly Subject[]
  readonly instances: Instance[]
  readonly faults: Faults
  readonly line: { mishap: number }
  /** Instances that saw what the database forgot; what they acknowledge is void until they are dead. */
  readonly stale = new Set<Instance>()
  /** Edits of the server that instances now alive have not answered. */
  readonly openEdits = new Map<Instance, number>()
  readonly #rollsBack: boolean
  readonly #poisons: boolean
  /** Share of the edits that go to the notes. */
  readonly #formats: number
  readonly #start: () => Instance
  #dump: MemoryDump | undefined
  #counter = 0

  constructor(random: Random) {
    this.random = random
    this.world = new World(random)
    const rough = random.chance(0.7)
    const level = (): number => (rough ? random.pick([0, 0.05, 0.2]) : 0)
    this.faults = { failBefore: level(), failAfter: level() }
    this.line = { mishap: rough ? random.pick([0, 0, 0.02, 0.1]) : 0 }
    // A client that missed a frame holds content without what it leans on; if the database then forgets that, nobody has it.
    this.#rollsBack = this.line.mishap === 0 && random.chance(0.35)
    this.#poisons = random.chance(0.3)
    this.#formats = random.pick([0, 0.1, 0.8])
    this.subjects = ['r1', 'r2', 'r3'].slice(0, random.pick([1, 2, 3, 3])).map((id) => this.#subject(id))
    const bus = createBus(this.world, random.pick([0, 0.3, 1]))
    const witness: Witness = {
      stored: (entry) => {
        this.tally.entries += 1
        this.subjects.find(({ key }) => key.id === entry.key.id)?.oracle.commit(entry.update)
      },
      outrun: () => {
        this.tally.outruns += 1
      },
    }
    this.#start = () => startInstance(this.world, this.store, this.faults, bus, witness)
    this.instances = random.chance(0.6) ? [this.#start(), this.#start()] : [this.#start()]
  }

  get clients(): readonly SimulatedClient[] {
    return this.subjects.flatMap(({ clients }) => clients)
  }

  /** Something happens, or does not. */
  act(): void {
    const { random } = this
    const subject = random.pick(this.subjects)
    const client = random.pick(subject.clients)
    switch (random.below(12)) {
      case 0:
        return client.connect(random.pick(this.instances))
      case 1:
      case 2:
        return client.connected ? undefined : client.connect(random.pick(this.instances))
      case 3:
        return random.chance(0.3) ? client.disconnect() : undefined
      case 4:
      case 5:
        return this.editAsServer(subject, random.pick(this.instances))
      case 6:
        return random.chance(0.3) ? void this.#compact(subject, random.pick(this.instances)) : undefined
      case 7:
        return random.chance(0.2) ? this.restart(random.below(this.instances.length)) : undefined
      case 8:
        return this.#rollsBack && random.chance(0.4) ? this.backUpOrRollBack() : undefined
      case 9:
        return this.#poisons && !client.reads ? this.#poison(client) : undefined
      default:
        return this.editAsPerson(client)
    }
  }

  editAsPerson({ document, reads }: SimulatedClient): void {
    const { random } = this
    if (reads) return
    this.#counter += 1
    const text = document.getText('summary')
    const tags = document.getMap('tags')
    const tag = `tag${random.below(4)}`
    const at = random.below(text.length + 1)
    if (random.chance(this.#formats)) return editNotes(document, random)
    switch (random.below(6)) {
      case 0:
        return void document.getMap('fields').set(random.pick(FIELDS), `value ${this.#counter}`)
      case 1:
        return text.insert(at, `${this.#counter},`)
      case 2:
        return text.delete(at, Math.min(text.length - at, random.below(4)))
      case 3:
        return void tags.set(tag, true)
      case 4:
        return tags.delete(tag)
      default:
        return document.transact(() => {
          document.getMap('emails').set(`e${random.below(3)}/address`, `${this.#counter}@example.com`)
          document.getMap('emails').set(`e${random.below(3)}/label`, 'work')
        })
    }
  }

  /** An edit that shows if it was made twice: it appends its own mark to the text. */
  editAsServer(subject: Subject, instance: Instance): void {
    this.#counter += 1
    const mark = `server${this.#counter};`
    const replaces = this.random.chance(0.3)
    const change = (document: Y.Doc): void => {
      document.getMap('tags').set(mark, true)
      document.getText('marks').insert(0, mark)
      if (replaces) document.getMap('fields').set('stage', mark)
    }
    const open = (step: number): Map<Instance, number> => this.openEdits.set(instance, (this.openEdits.get(instance) ?? 0) + step)
    const edit = async (): Promise<void> => {
      const room = await instance.registry.acquire(subject.key)
      try {
        await room.edit(SERVER, change)
        this.tally.serverEdits += 1
        subject.acknowledgedEdits.add(mark)
      } finally {
        instance.registry.release(room)
      }
    }
    open(1)
    edit().then(
      () => open(-1),
      () => open(-1),
    )
  }

  restart(index: number): void {
    const instance = this.instances[index] ?? never('instance')
    instance.kill()
    this.openEdits.delete(instance)
    this.tally.kills += 1
    for (const client of this.clients) if (this.random.chance(0.5)) client.disconnect()
    this.instances[index] = this.#start()
  }

  /** The database is copied, or put back to the copy, often under instances that live on and do not know. */
  backUpOrRollBack(): void {
    if (this.#dump === undefined || this.random.chance(0.3)) {
      this.#dump = this.store.dump()
      return
    }
    this.store.restore(this.#dump)
    // As whoever puts a backup back says with `cli restored`.
    this.store.markRestored(Number.MAX_SAFE_INTEGER)
    this.tally.rollbacks += 1
    for (const instance of this.instances) this.stale.add(instance)
    if (this.random.chance(0.4)) for (const index of this.instances.keys()) this.restart(index)
  }

  async #compact(subject: Subject, instance: Instance): Promise<void> {
    if ((await instance.log.compact(subject.key)) !== undefined) this.tally.compactions += 1
  }

  /** Bytes that pass for honest and can be neither applied nor stored; now and then in a document that goes on holding them. */
  #poison(client: SimulatedClient): void {
    const { random } = this
    if (random.chance(0.1)) client.keepPoison(UNSTORABLE)
    else if (random.chance(0.3)) client.sendRaw(circular(random))
    else {
      const document = new Y.Doc()
      document.clientID = random.uint32()
      document.getMap('fields').set('title', UNSTORABLE)
      client.sendRaw(Y.encodeStateAsUpdate(document))
    }
  }

  #subject(name: string): Subject {
    const { random } = this
    const oracle = new Oracle()
    const key = { tenant: TENANT, type: 'contact', id: parseRecordId(name) ?? never('id') }
    const clients = Array.from(
      { length: 2 + random.below(2) },
      (_, index) =>
        new SimulatedClient({
          world: this.world,
          oracle,
          line: this.line,
          key,
          // A reader may hold what a rolled-back database forgot, and may not give it back; elsewhere nothing may turn it away.
          principal: person(index, !this.#rollsBack && index === 2 ? 'viewer' : 'rep'),
          echo: random.chance(0.8),
        }),
    )
    return { key, oracle, clients, acknowledgedEdits: new Set() }
  }
}

/** Typing, bold and its end in a paragraph: what Yjs tidies up afterwards, in each replica for itself. */
function editNotes(document: Y.Doc, random: Random): void {
  const notes = document.getXmlFragment('notes')
  const paragraph = notes.length > 0 ? notes.get(0) : undefined
  if (!(paragraph instanceof Y.XmlText)) {
    const first = new Y.XmlText()
    first.insert(0, 'some words')
    return notes.insert(0, [first])
  }
  // The same few ranges for all: only formatting that overlaps leaves marks without effect.
  if (random.chance(0.2)) return paragraph.insert(random.below(paragraph.length + 1), 'x')
  paragraph.format(random.pick([0, 5]), 4, { bold: random.chance(0.5) ? true : null })
}

function person(index: number, role: Role): Principal {
  return { ...SERVER, sub: `person ${index}`, roles: [role] }
}

/** Two structs of two new clients that lean on each other: sound to look at, and Yjs can integrate neither. */
function circular(random: Random): Uint8Array {
  const one = random.below(60)
  const two = 60 + random.below(60)
  const struct = (client: number, origin: number): number[] => [1, client, 0, 0x84, origin, 0, 1, 0x61]
  return Uint8Array.from([2, ...struct(two, one), ...struct(one, two), 0])
}

function never(what: string): never {
  throw new Error(`there is no such ${what}`)
}
