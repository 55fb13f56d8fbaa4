/**
 * What the judge knows of a record beside its document: whose each client id is, what items stand for, which conflicts are open;
 * and what it finds while it judges, until the entry takes that along.
 *
 * It moves on with the live document. If an entry does not come back committed, both are thrown away and read anew.
 */
import type { Author } from '@rapport/shared/ids.ts'
import type { Scalar } from '@rapport/shared/schema/register.ts'
import {
  type AbsorbedChange,
  type AwaitedItems,
  type ClientOwner,
  type Conflict,
  type ConflictStatus,
  type FieldChange,
  type Findings,
  type FoundConflict,
  type ItemId,
  type LedgerRows,
  type Mark,
  SERVER_AUTHOR,
  type Settlement,
} from '../log/findings.ts'
import { isOwn, Marks } from './marks.ts'
import { OpenConflicts } from './open-conflicts.ts'

/** What each takes of memory, bytes, measured and rounded up: a mark, a client's owner, and a write's name in a set. */
const MARK_BYTES = 256
const OWNER_BYTES = 256
const NAME_BYTES = 128

/** The write that an item stands for; `undefined`: none, the key was empty. */
export type Write = ItemId | undefined

/** Of a write that nobody is known to have made: it came before ids were bound. */
const UNKNOWN: Author = { sub: '', role: 'unknown' }

export class Ledger {
  readonly restored: boolean
  readonly setAside: readonly AwaitedItems[]
  readonly #marks = new Marks()
  readonly #owners = new Map<number, ClientOwner>()
  /** How many ids each subject has, without those that only came through it. */
  readonly #ids = new Map<string, number>()
  /** For each client the writes that items of its own stood for which are none: refused, or overwritten before they were sent. */
  readonly #builtOn = new Map<number, Set<string>>()
  #builtOnSize = 0
  readonly #conflicts = new OpenConflicts()
  /** For each write the last item by which the server shows it; some may have been overwritten since. */
  readonly #standIns = new Map<string, ItemId>()
  #found: Draft = emptyDraft()

  constructor({ marks, clients, conflicts, setAside, restored }: LedgerRows) {
    this.restored = restored
    this.setAside = setAside
    for (const owner of clients) this.#own(owner)
    for (const mark of marks) this.#insert(mark)
    for (const conflict of conflicts) this.#conflicts.put(conflict)
  }

  /** What it takes of the process's memory, in bytes, roughly. */
  get footprint(): number {
    const names = this.#builtOnSize + this.#standIns.size
    return this.#marks.size * MARK_BYTES + this.#owners.size * OWNER_BYTES + names * NAME_BYTES + this.#conflicts.bytes
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

  markAt(id: ItemId): Mark | undefined {
    return this.#marks.at(id)
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

  isStandIn(id: ItemId): boolean {
    const write = this.writeOf(id)
    return write !== undefined && isSameWrite(this.#standIns.get(nameOf(write)), id)
  }

  /** It carries its key no more. */
  forget(id: ItemId): void {
    const write = this.writeOf(id)
    if (write !== undefined && this.isStandIn(id)) this.#standIns.delete(nameOf(write))
  }

  /** Whether an item of that client, which was refused or overwritten, had stood for that write. Of the server nobody asks. */
  hasBuiltOn(client: number, write: ItemId): boolean {
    return this.#builtOn.get(client)?.has(nameOf(write)) ?? false
  }

  /** Whether there is any write of which `hasBuiltOn` says so. */
  hasBuilt(client: number): boolean {
    return this.#builtOn.has(client)
  }

  // Conflicts.

  /** Open ones, the oldest first. */
  conflictsAt(path: readonly string[]): Iterable<Conflict> {
    return this.#conflicts.at(path)
  }

  /** Open ones in which one of these clients lost, the oldest first. */
  lostBy(path: readonly string[], clients: ReadonlySet<number>): readonly Conflict[] {
    return this.#conflicts.lostBy(path, clients)
  }

  /** Where too many are open then, the server dismisses the oldest of the path, or of the record. */
  putConflict(conflict: Conflict): void {
    this.#conflicts.put(conflict)
    this.#found.conflicts.set(conflict.id, conflict)
    for (;;) {
      const surplus = this.#conflicts.surplus(conflict.path)
      if (surplus === undefined) return
      this.#conflicts.remove(surplus.id)
      // An entry names each row once.
      if (this.#found.conflicts.has(surplus.id)) this.#found.conflicts.set(surplus.id, { ...surplus, dismissed: true })
      else this.#found.settled.set(surplus.id, { id: surplus.id, status: 'dismissed', byServer: true })
    }
  }

  /** It turned out to be none. */
  withdraw({ id }: Conflict): void {
    this.#conflicts.remove(id)
    this.#found.conflicts.delete(id)
    this.#found.withdrawn.push(id)
  }

  /** Open, and about the write that it was about when somebody looked. */
  replaces({ id, replaced }: Settlement): boolean {
    const conflict = this.#conflicts.get(id)
    return conflict !== undefined && isSameWrite(conflict.replaced.item, replaced)
  }

  /**
   * Not one that the same entry opens anew, withdraws or dismisses: what was to be settled is not what it is by then. Two who settle it at
   * once may share an entry.
   */
  settle(id: string, status: ConflictStatus): void {
    if (this.#found.conflicts.has(id) || !this.#conflicts.remove(id)) return
    this.#found.settled.set(id, { id, status })
  }

  // Changes of rows.

  absorb(changes: readonly AbsorbedChange[]): void {
    this.#found.absorbed.push(...changes)
  }

  // History.

  change(change: FieldChange): void {
    this.#found.changes.push(change)
  }

  /** What was found since the last time. */
  take(): Findings {
    const { conflicts, settled, ...rest } = this.#found
    this.#found = emptyDraft()
    return { ...rest, conflicts: [...conflicts.values()], settled: [...settled.values()] }
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
    this.#marks.put(mark)
    if (isOwn(mark)) return
    const { client, clock, length, standsFor, cleared } = mark
    // What stands for no write shows an empty key: whoever deletes it changes nothing.
    if (standsFor === undefined) return
    // Of several in a row only the last can carry the key.
    if (!this.isServer(client)) this.#noteBuiltOn(client, standsFor)
    else if (!cleared) this.#standIns.set(nameOf(standsFor), { client, clock: clock + length - 1 })
  }

  #noteBuiltOn(client: number, write: ItemId): void {
    const writes = this.#builtOn.get(client) ?? new Set<string>()
    this.#builtOn.set(client, writes)
    this.#builtOnSize -= writes.size
    this.#builtOnSize += writes.add(nameOf(write)).size
  }
}

export function isSameWrite(one: Write, other: Write): boolean {
  return one === other || (one?.client === other?.client && one?.clock === other?.clock)
}

/** A value that may be shown and stored, as far as the ledger keeps values. */
export type Value = Scalar | null

interface Draft {
  marks: Mark[]
  clients: ClientOwner[]
  changes: FieldChange[]
  conflicts: Map<string, FoundConflict>
  withdrawn: string[]
  settled: Map<string, Findings['settled'][number]>
  absorbed: AbsorbedChange[]
}

function emptyDraft(): Draft {
  return { marks: [], clients: [], changes: [], conflicts: new Map(), withdrawn: [], settled: new Map(), absorbed: [] }
}

function nameOf({ client, clock }: ItemId): string {
  return `${client}:${clock}`
}
