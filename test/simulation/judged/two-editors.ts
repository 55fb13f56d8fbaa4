/**
 * Two people who edit one field without hearing of each other, each a chain of values and clears, and whose messages arrive in any
 * order, at one instance or two. The last of each chain counts: one conflict, about the loser's last value; none if either had
 * nothing to say in the end. Whoever puts it back sees it on both replicas.
 */
import * as fc from 'fast-check'
import * as Y from 'yjs'
import { note } from './arrivals.ts'
import { checkConflicts, checkValues } from './checks.ts'
import { Instance, type World } from './instance.ts'
import { Notebook } from './notebook.ts'
import { PLACES, type Place } from './places.ts'
import { type Act, type Message, Replica } from './replica.ts'
import { ServerEdit } from './server-edit.ts'
import { SharedLog } from './shared-log.ts'
import { emptyTally } from './tally.ts'
import { TextBook } from './text-book.ts'

type Step = Extract<Act, 'set' | 'empty' | 'delete'>

export interface Duel {
  readonly instances: number
  readonly ids: readonly [number, number]
  readonly chains: readonly [readonly Step[], readonly Step[]]
  /** Whether each goes on sending what it writes, or was offline and sends all at once. */
  readonly live: readonly [boolean, boolean]
  /** What both had seen before. */
  readonly begun: boolean
  /** Whose message comes next, while both have some. */
  readonly order: readonly boolean[]
  readonly first: number
}

const HIGHEST = 2 ** 32 - 1

export function duels(): fc.Arbitrary<Duel> {
  const chain = fc.array(fc.constantFrom<Step>('set', 'set', 'set', 'empty', 'delete'), { minLength: 1, maxLength: 4 })
  const id = fc.oneof(fc.constant(0), fc.constant(HIGHEST), fc.integer({ min: 1, max: HIGHEST - 1 }))
  return fc.noBias(
    fc.record({
      instances: fc.integer({ min: 1, max: 2 }),
      ids: fc.tuple(id, id).filter(([one, other]) => one !== other),
      chains: fc.tuple(chain, chain),
      live: fc.tuple(fc.boolean(), fc.boolean()),
      begun: fc.boolean(),
      order: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
      first: fc.integer({ min: 1, max: HIGHEST - 1 }),
    }),
  )
}

export interface Outcome {
  readonly conflicts: number
  readonly outruns: number
}

interface Editor {
  readonly replica: Replica
  readonly sub: string
  readonly sent: Message[]
  /** The last value; `undefined` where the chain ends with a deletion, which yields. */
  readonly last: unknown
}

/** Throws what it finds wrong. */
export function duel(plan: Duel): Outcome {
  return new Fight(plan).run()
}

class Fight {
  readonly #plan: Duel
  readonly #place = titleOf()
  readonly #log = new SharedLog()
  readonly #notebook = new Notebook()
  readonly #texts = new TextBook()
  readonly #instances: readonly Instance[]
  readonly #tally = emptyTally()
  #drawn = 0

  constructor(plan: Duel) {
    this.#plan = plan
    const world: World = {
      log: this.#log,
      random32: () => this.#serverId(),
      newId: () => `id-${this.#next()}`,
      committed: (entry, batch, judgement) => {
        this.#notebook.learn(entry.findings.marks)
        note(this.#notebook, this.#texts, this.#log, batch, judgement, this.#tally)
      },
      concluded: (batch, judgement) => note(this.#notebook, this.#texts, this.#log, batch, judgement, this.#tally),
    }
    this.#instances = Array.from({ length: plan.instances }, () => new Instance(world))
  }

  run(): Outcome {
    const { chains, begun } = this.#plan
    if (begun) this.#begin()
    const [one, other] = [this.#editor(0, chains[0]), this.#editor(1, chains[1])]
    this.#deliver(one, other)
    for (const instance of this.#instances) instance.learn()
    const { document } = this.#home(0)
    checkValues(document, this.#notebook, this.#tally)
    checkConflicts(document, this.#notebook, this.#log.conflicts.values(), this.#tally)
    this.#checkRows(one, other)
    this.#meet(one, other)
    const conflicts = this.#putBack(one, other)
    return { conflicts, outruns: this.#instances.reduce((sum, { outruns }) => sum + outruns, 0) }
  }

  /** A value that both have seen. */
  #begin(): void {
    const [instance] = this.#instances
    instance?.hear(new ServerEdit({ sub: 'somebody', role: 'manager' }, { place: this.#place, value: 'the first' }))
    instance?.judgeSome(1, 1)
    instance?.settle()
    for (const one of this.#instances) one.learn()
  }

  #editor(index: 0 | 1, chain: readonly Step[]): Editor {
    const { ids, live } = this.#plan
    const sub = `editor-${index}`
    const person = { sub, role: 'manager' } as const
    const replica = new Replica(person, ids[index], { gc: true, cut: false }, this.#notebook, this.#texts)
    const home = this.#home(index)
    Y.applyUpdate(replica.document, Y.encodeStateAsUpdate(home.document))
    const sent: Message[] = []
    const tape = {
      hear: (message: Message) => sent.push(message),
      readable: true,
      document: home.document,
    } as unknown as Instance
    replica.instance = live[index] ? tape : undefined
    const field = replica.document.getMap('fields')
    for (const act of chain) replica.edit([{ place: this.#place, act, n: this.#next() }])
    const item = field._map.get('title')
    const last = item === undefined || item.deleted ? undefined : field.get('title')
    replica.instance = tape
    if (!live[index]) replica.answer()
    return { replica, sub, sent, last }
  }

  #home(index: number): Instance {
    const home = this.#instances[index % this.#instances.length]
    if (home === undefined) throw new Error('no instance')
    return home
  }

  /** Both at once where there are two instances: one of them is outrun. */
  #deliver(one: Editor, other: Editor): void {
    for (const turn of [...this.#plan.order, true, false, true, false, true, false, true, false]) {
      const [first, second] = turn ? [one, other] : [other, one]
      for (const editor of [first, second]) {
        const message = editor.sent.shift()
        if (message !== undefined) this.#home(editor === one ? 0 : 1).hear(message)
        if (this.#instances.length === 1) break
      }
      for (const instance of this.#instances) instance.judgeSome(1, 1)
      for (const instance of turn ? this.#instances : this.#instances.toReversed()) instance.settle()
    }
    for (const instance of this.#instances) {
      instance.judgeSome(9, 1)
      instance.settle()
    }
  }

  /** One row a losing chain. A deletion that is heard alone empties what it meets, or nothing: the general checks know that. */
  #checkRows(one: Editor, other: Editor): void {
    if ([one, other].some(({ last }, index) => last === undefined && this.#plan.live[index])) return
    const shown = this.#shown()
    const rows = [...this.#log.conflicts.values()]
    const ended = [one, other].filter(({ last }) => last !== undefined)
    // Where both cleared it, at the end or on the way, there is no telling whose clear it was that the other replaced.
    const same = this.#plan.chains.every((chain) => chain.includes('empty'))
    if (!same && rows.length !== Number(ended.length === 2)) throw new Error(`P5: ${rows.length} conflicts of two chains`)
    if (ended.length > 0 && !ended.some(({ last }) => last === shown)) throw new Error('P5: neither of two last values shows')
    const loser = ended.find(({ last }) => last !== shown)
    const [row] = rows
    if (row === undefined || same) return
    if (row.replaced.value !== loser?.last || row.replaced.author.sub !== loser?.sub)
      throw new Error('P5: a conflict about the wrong one')
    if (row.kept.author.sub === loser.sub) throw new Error('P5: a conflict lost to the wrong one')
  }

  /** Both come, and see the same; nothing more is written. */
  #meet(one: Editor, other: Editor): void {
    const entries = this.#log.entries.length
    for (const { replica } of [one, other, one]) {
      const instance = this.#home(0)
      replica.disconnect()
      replica.connect(instance)
      instance.judgeSome(1, 1)
      instance.settle()
      replica.receive(0)
    }
    if (this.#log.entries.length > entries) throw new Error('P3: a second sync wrote something')
    for (const { replica } of [one, other]) this.#mustShow(replica, this.#shown())
  }

  #putBack(one: Editor, other: Editor): number {
    const [row] = this.#log.conflicts.values()
    if (row === undefined) return 0
    const instance = this.#home(1)
    instance.learn()
    const intent = { place: this.#place, value: row.replaced.value, settles: row }
    instance.hear(new ServerEdit({ sub: 'somebody', role: 'manager' }, intent))
    instance.judgeSome(1, 1)
    instance.settle()
    if (this.#log.conflicts.size > 0) throw new Error('P5: a conflict is open whose value was put back')
    this.#home(0).learn()
    for (const { replica } of [one, other]) {
      replica.receive(9)
      this.#mustShow(replica, row.replaced.value)
    }
    return 1
  }

  #mustShow({ document }: Replica, value: unknown): void {
    if ((document.getMap('fields').get('title') ?? null) !== value) throw new Error('P3: a replica shows another value')
  }

  #shown(): unknown {
    return this.#home(0).document.getMap('fields').get('title') ?? null
  }

  /** Not that of an editor. */
  #serverId(): number {
    const id = this.#plan.first + this.#next() * 7919
    return id >= HIGHEST || this.#plan.ids.includes(id) ? (id % 1000) + 12_345 : id
  }

  #next(): number {
    this.#drawn += 1
    return this.#drawn
  }
}

function titleOf(): Place {
  const place = PLACES.find(({ key }) => key === 'title')
  if (place === undefined) throw new Error('no such place')
  return place
}
