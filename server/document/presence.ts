/**
 * Presence of one room: who is there and where their cursors are, relayed without being understood and never stored.
 *
 * Guarantees: one client id per subscriber, the first that it announces alone, so nobody speaks for somebody else; an id passes
 * to a new connection of the same person, and what stock clients repeat of others is ignored in silence. All changes of a window
 * leave as one payload. Everything held is bounded, and freed when its subscriber leaves. Only text that any client can
 * parse is relayed: one bad state would throw in every stock client that hears it.
 */
import type { Clock, Timer } from '@rapport/shared/clock.ts'
import { ABSENT, type AwarenessEntry, decodeAwareness, encodeAwareness } from '@rapport/shared/protocol/awareness.ts'
import type { Subscriber } from './subscriber.ts'

/** Changes are gathered this long, in milliseconds: about two frames of a screen. */
const WINDOW_MS = 30
/** Characters of one state, and of all states of a room together. */
const MAX_STATE = 16 * 1024
const MAX_ROOM = 1024 * 1024
/** Levels of nesting in a state; stock clients compare states recursively. */
const MAX_DEPTH = 32
/** Clients that left of which the last clock is remembered. */
const MAX_DEPARTED = 256

export interface Presence {
  /** A payload of an awareness message from this subscriber. Throws `malformed`. */
  receive(from: Subscriber, awarenessUpdate: Uint8Array): void
  /** Sends everybody's current presence to this subscriber, which from now on hears of changes. */
  greet(subscriber: Subscriber): void
  /** The subscriber is gone, and its presence with it. May be called again. */
  leave(subscriber: Subscriber): void
}

/** `limitReached` is called for each state that is not relayed because of its size or the room's. */
export function createPresence(clock: Clock, limitReached: () => void): Presence {
  /** Every subscriber, with the client id it speaks for once it has announced one. */
  const members = new Map<Subscriber, number | undefined>()
  const current = new Map<number, { readonly owner: Subscriber; readonly clock: number; readonly state: string }>()
  /** The clock under which a client was reported gone. */
  const departed = new Map<number, number>()
  const dirty = new Set<number>()
  let held = 0
  let timer: Timer | undefined

  /** The id that this subscriber speaks for, settled by its first announcement of a single client. */
  function speaksFor(from: Subscriber, entries: readonly AwarenessEntry[]): number | undefined {
    const settled = members.get(from)
    const [only] = entries
    if (settled !== undefined || entries.length !== 1 || only === undefined || only.state === ABSENT) return settled
    const owner = current.get(only.client)?.owner
    if (owner !== undefined && owner.principal.sub !== from.principal.sub) return undefined
    if (owner !== undefined) members.set(owner, undefined)
    members.set(from, only.client)
    return only.client
  }

  function receive(from: Subscriber, awarenessUpdate: Uint8Array): void {
    const entries = decodeAwareness(awarenessUpdate)
    if (!members.has(from)) members.set(from, undefined)
    const client = speaksFor(from, entries)
    for (const entry of entries) if (entry.client === client) announce(from, entry)
  }

  function announce(from: Subscriber, entry: AwarenessEntry): void {
    const known = current.get(entry.client)
    const gone = departed.get(entry.client)
    // Back after a break, with a clock that the others take for old news. Told that it is gone, a client announces itself anew.
    if (gone !== undefined && entry.clock <= gone) {
      from.presence(encodeAwareness([{ client: entry.client, clock: gone, state: ABSENT }]))
      return
    }
    // Bound before its first state was fit to be kept, and meanwhile somebody else speaks for the same id.
    if (known !== undefined && known.owner !== from && members.get(known.owner) === entry.client) return
    const newer = known === undefined || entry.clock > known.clock || (entry.clock === known.clock && entry.state === ABSENT)
    if (!newer) {
      current.set(entry.client, { ...known, owner: from })
      return
    }
    const size = held - (known?.state.length ?? 0) + entry.state.length
    if (size > MAX_ROOM || entry.state.length > MAX_STATE) return limitReached()
    if (!isRelayable(entry.state)) return
    held = size
    departed.delete(entry.client)
    current.set(entry.client, { owner: from, clock: entry.clock, state: entry.state })
    touch(entry.client)
  }

  function touch(client: number): void {
    dirty.add(client)
    timer ??= clock.after(WINDOW_MS, flush)
  }

  /** One payload for all. Its own entry tells a client nothing, so it is not woken for that alone. */
  function flush(): void {
    timer = undefined
    const changed = [...dirty]
    dirty.clear()
    const payload = encodeAwareness(changed.flatMap((client) => entryOf(client) ?? []))
    const [only] = changed
    for (const [member, client] of members) {
      if (changed.length > 1 || client !== only) member.presence(payload)
    }
  }

  function entryOf(client: number): AwarenessEntry | undefined {
    const known = current.get(client)
    if (known !== undefined) return { client, clock: known.clock, state: known.state }
    const gone = departed.get(client)
    return gone === undefined ? undefined : { client, clock: gone, state: ABSENT }
  }

  function greet(subscriber: Subscriber): void {
    const own = members.get(subscriber)
    members.set(subscriber, own)
    const others: AwarenessEntry[] = []
    for (const [client, { clock: at, state }] of current) {
      if (client !== own && state !== ABSENT) others.push({ client, clock: at, state })
    }
    if (others.length > 0) subscriber.presence(encodeAwareness(others))
  }

  function leave(subscriber: Subscriber): void {
    const client = members.get(subscriber)
    members.delete(subscriber)
    if (client !== undefined) depart(client)
    if (members.size > 0) return
    departed.clear()
    dirty.clear()
    timer?.cancel()
    timer = undefined
  }

  function depart(client: number): void {
    const last = current.get(client)
    if (last === undefined) return
    current.delete(client)
    held -= last.state.length
    departed.set(client, last.clock + (last.state === ABSENT ? 0 : 1))
    const [oldest] = departed.keys()
    if (departed.size > MAX_DEPARTED && oldest !== undefined) departed.delete(oldest)
    if (last.state !== ABSENT) touch(client)
  }

  return { receive, greet, leave }
}

/** An object or null, of bounded depth: what every stock client can parse and compare. */
function isRelayable(state: string): boolean {
  if (state === ABSENT) return true
  try {
    const parsed: unknown = JSON.parse(state)
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) && isShallow(parsed, MAX_DEPTH)
  } catch {
    return false // not JSON: a stock client never sends it
  }
}

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1))
}
