/**
 * What is stored of one record's findings, in memory: what `insert` and `bind` of the store in memory leave, by the
 * same rules as the SQL statements.
 */
import type { Claim, JudgedEntry, SetAsideRow } from '../../server/log/entry.ts'
import type { ClientOwner, Conflict, ConflictStatus, FieldChange, LedgerRows, Mark } from '../../server/log/findings.ts'

const ANNOUNCED_PER_SENDER = 100

export interface MemoryClient extends ClientOwner {
  /** Of the entry that bound it; `undefined` while it was only announced. */
  readonly sequence: number | undefined
}

export interface MemoryConflict extends Conflict {
  readonly status: ConflictStatus
  readonly sequence: number
  readonly at: number
}

export interface MemoryChange extends FieldChange {
  readonly sequence: number
  readonly at: number
}

/** Plain data, so that a dump can copy it. */
export interface MemoryFindings {
  readonly marks: (Mark & { readonly sequence: number })[]
  /** In the order in which they were bound. */
  readonly clients: Map<number, MemoryClient>
  readonly changes: MemoryChange[]
  readonly conflicts: Map<string, MemoryConflict>
}

export function noFindings(): MemoryFindings {
  return { marks: [], clients: new Map(), changes: [], conflicts: new Map() }
}

/** Whether an entry claims a client id that is somebody else's. */
export function contests({ clients }: MemoryFindings, entry: JudgedEntry): boolean {
  return entry.findings.clients.some(({ client, owner }) => {
    const held = clients.get(client)
    return held !== undefined && held.owner.sub !== owner.sub && !held.relayed
  })
}

/** Throws, as the database does, what would have the statement touch one row twice. */
export function addFindings(stored: MemoryFindings, entry: JudgedEntry): void {
  const { marks, clients, changes, conflicts, withdrawn, settled } = structuredClone(entry.findings)
  once(clients.map(({ client }) => client))
  once([...conflicts.map(({ id }) => id), ...withdrawn, ...settled.map(({ id }) => id)])
  const place = { sequence: entry.previous.sequence + 1, at: entry.at }
  stored.marks.push(...marks.map((mark) => ({ ...mark, sequence: place.sequence })))
  stored.changes.push(...changes.map((change) => ({ ...change, ...place })))
  for (const claim of clients) {
    const held = stored.clients.get(claim.client)
    const announced = held?.sequence === undefined && held?.owner.sub === claim.owner.sub
    if (held !== undefined && !announced && (!held.relayed || claim.relayed)) continue
    const relayed = claim.relayed && (held?.relayed ?? true)
    stored.clients.set(claim.client, { ...claim, relayed, sequence: place.sequence })
  }
  for (const { dismissed, ...conflict } of conflicts)
    stored.conflicts.set(conflict.id, { ...conflict, ...place, status: dismissed === true ? 'dismissed' : 'open' })
  for (const id of withdrawn) if (stored.conflicts.get(id)?.status === 'open') stored.conflicts.delete(id)
  for (const { id, status } of settled) {
    const conflict = stored.conflicts.get(id)
    if (conflict?.status === 'open') stored.conflicts.set(id, { ...conflict, status })
  }
}

function once(ids: readonly (number | string)[]): void {
  if (new Set(ids).size < ids.length) throw new Error('an entry has two findings for one row')
}

export function announce({ clients }: MemoryFindings, { client, owner }: Claim): void {
  if (clients.has(client)) return
  clients.set(client, { client, owner: { ...owner }, relayed: false, sequence: undefined })
  const announced = [...clients.values()].filter((held) => held.sequence === undefined && held.owner.sub === owner.sub)
  for (const spare of announced.slice(0, -ANNOUNCED_PER_SENDER)) clients.delete(spare.client)
}

/** As of a sequence. */
export function ledgerOf(
  stored: MemoryFindings,
  sequence: number,
  setAside: readonly SetAsideRow[],
  restored: boolean,
): LedgerRows {
  const { marks, clients, conflicts } = structuredClone(stored)
  return {
    marks: told(marks.filter((mark) => mark.sequence <= sequence).map(({ sequence: _, ...mark }) => mark)),
    clients: [...clients.values()]
      .filter((held) => (held.sequence ?? 0) <= sequence)
      .map(({ sequence: _, ...client }) => client)
      .sort((one, other) => one.client - other.client),
    conflicts: [...conflicts.values()]
      .filter((conflict) => conflict.status === 'open' && conflict.sequence <= sequence)
      .sort((one, other) => one.sequence - other.sequence || (one.id < other.id ? -1 : 1))
      .map(({ id, path, kept, replaced }) => ({ id, path, kept, replaced })),
    setAside: setAside.map(({ id, awaits }) => ({ id, awaits: structuredClone(awaits) })),
    restored,
  }
}

/** Of one client and author, those that lie one behind the other and stand each for itself, or all for one write, are one. */
function told(marks: readonly Mark[]): readonly Mark[] {
  const all: Mark[] = []
  for (const mark of marks) {
    const before = all.at(-1)
    if (before === undefined || !continues(before, mark)) all.push(mark)
    else all[all.length - 1] = { ...before, length: before.length + mark.length }
  }
  return all
}

function continues(before: Mark, mark: Mark): boolean {
  const { client, clock, author, cleared } = mark
  if (before.client !== client || before.clock + before.length !== clock || before.cleared !== cleared) return false
  if (before.author.sub !== author.sub || before.author.role !== author.role) return false
  if (isOwn(before) || isOwn(mark)) return isOwn(before) && isOwn(mark)
  return before.standsFor?.client === mark.standsFor?.client && before.standsFor?.clock === mark.standsFor?.clock
}

function isOwn({ client, clock, standsFor }: Mark): boolean {
  return standsFor?.client === client && standsFor.clock === clock
}
