/**
 * One judged life of a record: a rough time, in which people edit, connect and go, messages are late, doubled and out of order,
 * and instances overtake each other and crash; then everybody syncs twice, and what must hold is checked. The log is checked
 * after every entry. Throws what it finds wrong; the same plan is the same run.
 */
import * as Y from 'yjs'
import type { Judgement } from '../../../server/access/judge.ts'
import type { JudgedEntry } from '../../../server/log/entry.ts'
import { applyStored } from '../../../server/log/replay.ts'
import { createRandom, type Random } from '../random.ts'
import { note } from './arrivals.ts'
import { checkConflicts, checkValues, checkVisible, type Losses } from './checks.ts'
import { contentOf } from './content.ts'
import { Instance, type Waiting } from './instance.ts'
import { Notebook } from './notebook.ts'
import type { Person } from './people.ts'
import { PLACES, type Place } from './places.ts'
import { decode, type Plan, type Step } from './plan.ts'
import { type Act, type Edit, Replica } from './replica.ts'
import { ServerEdit } from './server-edit.ts'
import { SharedLog } from './shared-log.ts'
import { describeEntry, describeVerdicts } from './story.ts'
import { emptyTally, type Tally } from './tally.ts'
import { TextBook, type TextMove } from './text-book.ts'

const LOWEST = 0
const HIGHEST = 2 ** 32 - 1

/** How often each act occurs, in sixteen times. */
const ACTS: readonly Act[] = [
  'set',
  'set',
  'set',
  'set',
  'set',
  'set',
  'set',
  'set',
  'set',
  'empty',
  'delete',
  'delete',
  'delete',
  'misfit',
  'misfit',
  'inner',
]
const TEXT_MOVES: readonly TextMove[] = ['type', 'type', 'type', 'block', 'erase', 'erase', 'format', 'spoil']

/** Rounds in which everybody syncs until one must be silent; Yjs tidies up formatting in every replica, and tells of it. */
const ROUNDS = { plain: 3, formatted: 6 }

export type Tell = (line: () => string) => void

class Life {
  readonly tally: Tally = emptyTally()
  readonly #plan: Plan
  readonly #tell: Tell
  readonly #random: Random
  readonly #log = new SharedLog()
  readonly #notebook = new Notebook()
  readonly #texts = new TextBook()
  readonly #replay = new Y.Doc()
  readonly #people: readonly Person[]
  readonly #replicas: Replica[] = []
  readonly #instances: Instance[]
  readonly #places: readonly Place[]
  readonly #ids = new Set<number>()
  #drawn = 0

  constructor(plan: Plan, tell: Tell) {
    this.#plan = plan
    this.#tell = tell
    this.#random = createRandom(plan.seed)
    this.#people = plan.managers.map((manager, index) => ({ sub: `person-${index}`, role: manager ? 'manager' : 'rep' }))
    this.#places = plan.places.map((index) => pick(PLACES, index))
    const world = {
      log: this.#log,
      random32: () => this.#serverId(),
      newId: () => `id-${this.#next()}`,
      committed: (entry: JudgedEntry, batch: readonly Waiting[], judgement: Judgement) =>
        this.#committed(entry, batch, judgement),
      concluded: (batch: readonly Waiting[], judgement: Judgement) => this.#concluded(batch, judgement),
    }
    this.#instances = Array.from({ length: plan.instances }, () => new Instance(world))
    for (const { person, id, gc, cut } of plan.devices) {
      const replica = new Replica(pick(this.#people, person), this.#clientId(id), { gc, cut }, this.#notebook, this.#texts)
      replica.connect(pick(this.#instances, person))
      this.#replicas.push(replica)
    }
  }

  run(): Tally {
    for (const index of this.#plan.steps) {
      const step = decode(index)
      this.#tell(() => `${step.happening} by ${step.who} (${step.choice})`)
      this.#happen(step)
    }
    this.#calm()
    this.#syncUntilSilent()
    this.#checkEnd()
    for (const { outruns } of this.#instances) this.tally.outruns += outruns
    this.tally.entries = this.#log.entries.length
    this.tally.replacedRows = this.#log.replaced
    this.tally.withdrawnRows = this.#log.withdrawn
    this.tally.openRows = this.#log.conflicts.size
    this.tally.settledRows = this.#log.settled.size
    return this.tally
  }

  #happen({ happening, who, choice }: Step): void {
    const replica = pick(this.#replicas, who)
    const instance = pick(this.#instances, who)
    switch (happening) {
      case 'edit':
        return replica.edit([this.#edit(choice)])
      case 'edits':
        return replica.edit([this.#edit(choice), this.#edit(choice >>> 3), this.#edit(choice >>> 6)])
      case 'text':
        return replica.edit([
          { root: choice % 2 === 0 ? 'summary' : 'notes', move: pick(TEXT_MOVES, choice >>> 1), n: choice >>> 4 },
        ])
      case 'serverEdit':
        return this.#serverEdit(pick(this.#people, choice), instance, choice >>> 2)
      case 'putBack':
        return this.#putBack(pick(this.#people, choice), instance, choice >>> 2)
      case 'judge':
        return instance.judgeSome(1 + (choice % 4), choice >>> 2)
      case 'settle':
        return instance.settle()
      case 'receive':
        return void replica.receive(1 + (choice % 4))
      case 'connect':
        if (replica.instance === undefined) replica.connect(pick(this.#instances, choice))
        return
      case 'disconnect':
        return replica.disconnect()
      case 'answer':
        return replica.answer()
      case 'again':
        return instance.hearAgain(choice)
      case 'learn':
        return instance.learn()
      case 'crash':
        return this.#crash(instance)
      case 'compact':
        this.tally.compactions += 1
        return this.#log.compact()
      case 'newId':
        replica.document.clientID = this.#clientId(choice % 16)
        return
      default:
        return happening satisfies never
    }
  }

  #edit(choice: number): Edit {
    const edit = { place: pick(this.#places, choice >>> 4), act: pick(ACTS, choice % 16), n: this.#next() }
    this.#tell(() => `  ${edit.act} ${edit.place.path.join('/')} with ${edit.n}`)
    return edit
  }

  #serverEdit(person: Person, instance: Instance, choice: number): void {
    const place = pick(this.#places, choice >>> 3)
    const value = choice % 8 === 0 ? undefined : choice % 8 === 1 && place.kind !== 'member' ? null : place.fits(this.#next())
    const intent = { place, value }
    if (ServerEdit.permits(intent, person)) instance.hear(new ServerEdit(person, intent))
  }

  #putBack(person: Person, instance: Instance, choice: number): void {
    const row = [...this.#log.conflicts.values()].at(choice % Math.max(this.#log.conflicts.size, 1))
    const write = row && this.#notebook.writeOf(row.replaced.item)
    if (row === undefined || write === undefined) return
    const intent = { place: write.place, value: row.replaced.value, settles: row }
    if (ServerEdit.permits(intent, person)) instance.hear(new ServerEdit(person, intent))
  }

  #crash(instance: Instance): void {
    this.tally.crashes += 1
    instance.crash()
    for (const replica of this.#replicas) if (replica.instance === instance) replica.disconnect()
  }

  #committed(entry: JudgedEntry, batch: readonly Waiting[], judgement: Judgement): void {
    this.#notebook.learn(entry.findings.marks)
    note(this.#notebook, this.#texts, this.#log, batch, judgement, this.tally)
    applyStored(this.#replay, [entry.update])
    this.#tell(() => `${describeEntry(entry, this.#replay, this.#notebook)}\n${describeVerdicts(batch, judgement)}`)
    checkVisible(this.#replay, this.#notebook)
    checkValues(this.#replay, this.#notebook, emptyTally())
    this.#checkConflicts(emptyTally())
  }

  #concluded(batch: readonly Waiting[], judgement: Judgement): void {
    note(this.#notebook, this.#texts, this.#log, batch, judgement, this.tally)
  }

  #checkConflicts(losses: Losses): void {
    checkConflicts(this.#replay, this.#notebook, this.#log.conflicts.values(), losses)
  }

  /** Everything that was sent is judged. */
  #calm(): void {
    for (const instance of this.#instances) this.#drain(instance)
    for (const instance of this.#instances) instance.learn()
    for (const replica of this.#replicas) replica.disconnect()
  }

  #drain(instance: Instance): void {
    instance.settle()
    while (instance.waiting > 0) {
      instance.learn()
      instance.judgeSome(3, 0)
      instance.settle()
    }
  }

  #syncUntilSilent(): void {
    const most = this.#plan.steps.some((step) => decode(step).happening === 'text') ? ROUNDS.formatted : ROUNDS.plain
    for (let round = 1; round <= most; round += 1) if (this.#isSilentSync()) return
    throw new Error(`P3: sync ${most} is not silent`)
  }

  #isSilentSync(): boolean {
    const entries = this.#log.entries.length
    let silent = true
    for (const replica of this.#replicas) {
      const instance = this.#random.pick(this.#instances)
      instance.learn()
      replica.disconnect()
      replica.connect(instance)
      this.#drain(instance)
      if (replica.receive(0)) silent = false
    }
    for (const instance of this.#instances) this.#drain(instance)
    return silent && this.#log.entries.length === entries
  }

  #checkEnd(): void {
    const expected = contentOf(this.#replay)
    for (const instance of this.#instances) {
      instance.learn()
      if (contentOf(instance.document) !== expected) throw new Error('P3: an instance differs from the log')
      instance.crash()
      if (contentOf(instance.document) !== expected) throw new Error('P3: a document that was loaded again differs from the log')
    }
    for (const { document } of this.#replicas)
      if (contentOf(document) !== expected) throw new Error('P3: a replica differs from the log')
    checkValues(this.#replay, this.#notebook, this.tally)
    this.#checkConflicts(this.tally)
    this.#texts.check(this.#replay)
    for (const writes of this.#notebook.writes.values()) {
      this.tally.writes += writes.length
      for (const write of writes) {
        if (write.fate === 'away') throw new Error('P4: a write never arrived')
        if (!write.permitted) this.tally.refusedWrites += 1
        if (write.clear) this.tally.clears += 1
        if (write.ofServer) this.tally.staleClears += 1
      }
    }
    for (const { client } of this.#replay.store.clients.size > 0 ? this.#usedIds() : []) {
      if (client === LOWEST) this.tally.lowestId += 1
      if (client === HIGHEST) this.tally.highestId += 1
    }
  }

  #usedIds(): readonly { readonly client: number }[] {
    return [...this.#replay.store.clients.keys()].map((client) => ({ client }))
  }

  /** A client id that nobody had; each of the two extremes once a run, if at all. */
  #clientId(wish: number): number {
    let id = wish === 0 ? LOWEST : wish === 1 ? HIGHEST : this.#random.uint32()
    while (this.#ids.has(id)) id = this.#random.uint32()
    this.#ids.add(id)
    return id
  }

  /** Servers win and lose against clients' ids about as often as clients among themselves; some come close to the ends. */
  #serverId(): number {
    const wish = this.#random.below(6)
    const near = 1 + this.#random.below(1000)
    const id = wish === 0 ? near : wish === 1 ? HIGHEST - near : this.#random.uint32()
    return this.#ids.has(id) ? this.#serverId() : id
  }

  #next(): number {
    this.#drawn += 1
    return this.#drawn
  }
}

/** `tell` hears what happens, for whoever looks into a failure. */
export function live(plan: Plan, tell: Tell = () => undefined): Tally {
  return new Life(plan, tell).run()
}

function pick<T>(from: readonly T[], index: number): T {
  const picked = from[index % from.length]
  if (picked === undefined) throw new Error('nothing to pick from')
  return picked
}
