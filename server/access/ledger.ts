/**
 * What the judge knows of a record beside its document: whose each client id is, what items stand for, which conflicts are open;
 * and what it finds while it judges, until the entry takes that along.
 *
 * It moves on with the live document. If an entry does not come back committed, both are thrown away and read anew.
 */
import type { Author } from '@rapport/shared/ids.ts'
import type { Scalar } from '@rapport/shared/schema/register.ts'
import {
  type AwaitedItems,
  type ClientOwner,
  type Conflict,
  type ConflictStatus,
  type FieldChange,
  type Findings,
  type ItemId,
  type LedgerRows,
  type Mark,
  SERVER_AUTHOR,
  type Settlement,
} from '../log/findings.ts'

/** The write that an item stands for; `undefined`: none, the key was empty. */
export type Write = ItemId | undefined

/** Of a write that nobody is known to have made: it came before ids were bound. */
const UNKNOWN: Author = { sub: '', role: 'unknown' }

export class Ledger {
  readonly restored: boolean
  readonly setAside: readonly AwaitedItems[]
  /** By client, each client's in clock order. */
  readonly #marks = new Map<number, Mark[]>()
  readonly #owners = new Map<number, ClientOwner>()
  /** How many ids each subject has, without those that only came through it. */
  readonly #ids = new Map<string, number>()
  /** Open ones by path. */
  readonly #conflicts = new Map<string, Map<string, Conflict>>()
  /** Items by which the server shows somebody's value; some may have been overwritten since. */
  readonly #standIns = new Map<string, ItemId>()
  #found: Draft = emptyDraft()

  constructor({ marks, clients, conflicts, setAside, restored }: LedgerRows) {
    this.restored = restored
    this.setAside = setAside
    for (const owner of clients) this.#own(owner)
    for (const mark of marks) this.#insert(mark)
    for (const conflict of conflicts) this.#open(conflict)
  }

  // Client ids.

  ownerOf(client: number): ClientOwner | undefined {
    return this.#owners.get(client)
  }

  isServer(client: number): boolean {
    return this.#owners.get(client)?.owner.role === SERVER_AUTHOR.role
  }

  /** Client ids that a subject has in this record; others' that it relayed do not count. */
  idsOf(sub: string): number {
    return this.#ids.get(sub) ?? 0
  }

  bind(owner: ClientOwner): void {
    this.#own(owner)
    this.#found.clients.push(owner)
  }

  // Stands-for.

  markAt({ client, clock }: ItemId): Mark | undefined {
    const marks = this.#marks.get(client)
    if (marks === undefined) return undefined
    const mark = marks[lastAtOrBefore(marks, clock)]
    return mark !== undefined && clock < mark.clock + mark.length ? mark : undefined
  }

  /** The write that the item at this clock stands for. */
  writeOf(id: ItemId): ItemId | undefined {
    const mark = this.markAt(id)
    if (mark === undefined || isOwn(mark)) return { client: id.client, clock: id.clock }
    return mark.standsFor
  }

  authorOf(write: ItemId): Author {
    return this.markAt(write)?.author ?? this.#owners.get(write.client)?.owner ?? UNKNOWN
  }

  mark(mark: Mark): void {
    this.#insert(mark)
    this.#found.marks.push(mark)
  }

  standIns(): Iterable<ItemId> {
    return this.#standIns.values()
  }

  get hasStandIns(): boolean {
    return this.#standIns.size > 0
  }

  isStandIn({ client, clock }: ItemId): boolean {
    return this.#standIns.has(`${client}:${clock}`)
  }

  /** It carries its key no more. */
  forget({ client, clock }: ItemId): void {
    this.#standIns.delete(`${client}:${clock}`)
  }

  // Conflicts.

  conflictsAt(path: readonly string[]): Iterable<Conflict> {
    return this.#conflicts.get(JSON.stringify(path))?.values() ?? []
  }

  putConflict(conflict: Conflict): void {
    this.#open(conflict)
    this.#found.conflicts.set(conflict.id, conflict)
  }

  /** It turned out to be none. */
  withdraw({ id, path }: Conflict): void {
    this.#conflicts.get(JSON.stringify(path))?.delete(id)
    this.#found.conflicts.delete(id)
    this.#found.withdrawn.push(id)
  }

  /** Open, and about the write that it was about when somebody looked. */
  replaces({ id, replaced }: Settlement): boolean {
    for (const open of this.#conflicts.values()) {
      const conflict = open.get(id)
      if (conflict !== undefined) return isSameWrite(conflict.replaced.item, replaced)
    }
    return false
  }

  /** Not one that the same entry opens anew, or withdraws: what was to be settled is not what it is by then. */
  settle(id: string, status: ConflictStatus): void {
    const { conflicts, withdrawn, settled } = this.#found
    if (conflicts.has(id) || withdrawn.includes(id)) return
    for (const open of this.#conflicts.values()) open.delete(id)
    // Two who settle it at once may share an entry.
    settled.set(id, status)
  }

  // History.

  change(change: FieldChange): void {
    this.#found.changes.push(change)
  }

  /** What was found since the last time. */
  take(): Findings {
    const { conflicts, settled, ...rest } = this.#found
    this.#found = emptyDraft()
    return { ...rest, conflicts: [...conflicts.values()], settled: Array.from(settled, ([id, status]) => ({ id, status })) }
  }

  #own(owner: ClientOwner): void {
    const before = this.#owners.get(owner.client)
    if (before !== undefined) this.#count(before, -1)
    this.#owners.set(owner.client, owner)
    this.#count(owner, 1)
  }

  #count({ owner, relayed }: ClientOwner, by: 1 | -1): void {
    if (!relayed) this.#ids.set(owner.sub, this.idsOf(owner.sub) + by)
  }

  #insert(mark: Mark): void {
    const marks = this.#marks.get(mark.client)
    if (marks === undefined) this.#marks.set(mark.client, [mark])
    else {
      const place = lastAtOrBefore(marks, mark.clock)
      const before = marks[place]
      // A record that one program edits for years has as many marks as edits; in a row they say the same.
      if (before !== undefined && continues(before, mark)) marks[place] = { ...before, length: before.length + mark.length }
      else marks.splice(place + 1, 0, mark)
    }
    if (!isOwn(mark) && !mark.cleared && this.isServer(mark.client)) this.#standIns.set(`${mark.client}:${mark.clock}`, mark)
  }

  #open(conflict: Conflict): void {
    const name = JSON.stringify(conflict.path)
    const open = this.#conflicts.get(name)
    if (open === undefined) this.#conflicts.set(name, new Map([[conflict.id, conflict]]))
    else open.set(conflict.id, conflict)
  }
}

export function isSameWrite(one: Write, other: Write): boolean {
  return one === other || (one?.client === other?.client && one?.clock === other?.clock)
}

/** The mark of items that are writes of their own. */
export function ownMark(client: number, clock: number, length: number, author: Author): Mark {
  return { client, clock, length, author, standsFor: { client, clock }, cleared: false }
}

/** A value that may be shown and stored, as far as the ledger keeps values. */
export type Value = Scalar | null

interface Draft {
  marks: Mark[]
  clients: ClientOwner[]
  changes: FieldChange[]
  conflicts: Map<string, Conflict>
  withdrawn: string[]
  settled: Map<string, ConflictStatus>
}

function emptyDraft(): Draft {
  return { marks: [], clients: [], changes: [], conflicts: new Map(), withdrawn: [], settled: new Map() }
}

function isOwn({ client, clock, standsFor }: Mark): boolean {
  return standsFor !== undefined && standsFor.client === client && standsFor.clock === clock
}

function continues(before: Mark, next: Mark): boolean {
  const adjacent = before.clock + before.length === next.clock
  return (
    adjacent && isOwn(before) && isOwn(next) && before.author.sub === next.author.sub && before.author.role === next.author.role
  )
}

/** Index of the last mark that begins at or before the clock; -1 if none does. */
function lastAtOrBefore(marks: readonly Mark[], clock: number): number {
  let [low, high] = [0, marks.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((marks[middle]?.clock ?? 0) <= clock) low = middle + 1
    else high = middle
  }
  return low - 1
}
