/**
 * Presence of one room: who is there and where their cursors are, relayed without being understood and never stored.
 *
 * Guarantees: one client id per subscriber, the first that it announces alone, so nobody speaks for somebody else; an id passes
 * to a new connection of the same person, and after a departure nobody else can take it for a minute; never, if whoever keeps
 * claims knows it as another's. Others hear of an id once its claim is kept. What stock clients repeat of
 * others is ignored in silence. All changes of a window leave as one payload. Everything held is bounded. Only text that any client can
 * parse is relayed: one bad state would throw in every stock client that hears it. And since stock clients send on all they
 * hear, in their own words, whatever is sent from here is something that the server takes back.
 */
import type { Clock, Timer } from '@rapport/shared/clock.ts'
import { ABSENT, type AwarenessEntry, decodeAwareness, encodeAwareness, MAX_ENTRIES } from '@rapport/shared/protocol/awareness.ts'
import type { Principal } from '../auth/principal.ts'
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
/** A payload names at most everybody who is here and everybody who left. */
const MAX_PRESENT = MAX_ENTRIES - MAX_DEPARTED
/** Milliseconds for which the id of a client that left is kept for its owner. */
const RESERVED_MS = 60_000
/** Milliseconds after which a new id is shown though its claim could not be kept: the database may be away for long. */
const UNKEPT_MS = 5_000
/** Yjs draws client ids from 32 bits. */
const MAX_CLIENT = 0xffffffff
/** A client counts its announcements, at most some dozens a second; above this, nobody could take the id up again after it. */
const MAX_CLOCK = 2 ** 31

export interface Presence {
  /** A payload of an awareness message from this subscriber. Throws `malformed`. */
  receive(from: Subscriber, awarenessUpdate: Uint8Array): void
  /** Sends everybody's current presence to this subscriber, which from now on hears of changes. */
  greet(subscriber: Subscriber): void
  /** The subscriber is gone, and its presence with it. May be called again. */
  leave(subscriber: Subscriber): void
}

interface Present {
  readonly owner: Subscriber
  readonly clock: number
  readonly state: string
}

interface Departed {
  readonly sub: string
  /** The clock under which it was reported gone. */
  readonly clock: number
  /** Monotonic milliseconds. */
  readonly reservedUntil: number
}

/**
 * Asked for each id that a subscriber is to speak for from now on. False: it is somebody else's. Otherwise `kept` is called once,
 * maybe at once, when others may see the id.
 */
type ClaimPresence = (client: number, principal: Principal, kept: () => void) => boolean

/** `limitReached` is called for each state that is not relayed because of its size or the room's. */
export function createPresence(
  clock: Clock,
  limitReached: () => void,
  claimed: ClaimPresence = (_client, _principal, kept) => {
    kept()
    return true
  },
): Presence {
  /** Every subscriber, with the client id it speaks for once it has announced one. */
  const members = new Map<Subscriber, number | undefined>()
  const current = new Map<number, Present>()
  /** Oldest first. They outlive the last member: his colleague may be the next to come. */
  const departed = new Map<number, Departed>()
  const dirty = new Set<number>()
  /** Ids that nobody is told of yet, with what shows them all the same. */
  const unkept = new Map<number, Timer>()
  /** What everybody who asks is sent, until something changes. */
  let greeting: Uint8Array | undefined
  let held = 0
  let timer: Timer | undefined

  /** Of several entries for the client, which no stock client sends, the last. */
  function receive(from: Subscriber, awarenessUpdate: Uint8Array): void {
    const entries = decodeAwareness(awarenessUpdate)
    if (!members.has(from)) members.set(from, undefined)
    const client = members.get(from) ?? claim(from, entries)
    const entry = entries.findLast((one) => one.client === client)
    if (entry !== undefined && isInRange(entry)) announce(from, entry)
  }

  /** The id that this subscriber speaks for from now on: that of its first announcement of a single client. */
  function claim(from: Subscriber, entries: readonly AwarenessEntry[]): number | undefined {
    const [only] = entries
    if (entries.length !== 1 || only === undefined || only.state === ABSENT || !isInRange(only)) return undefined
    const { client } = only
    const { sub } = from.principal
    const known = current.get(client)
    if (known !== undefined && known.owner.principal.sub !== sub) return undefined
    const left = departed.get(client)
    if (left !== undefined && left.sub !== sub && clock.elapsed() < left.reservedUntil) return undefined
    if (!hold(client, from.principal)) return undefined
    if (known !== undefined) {
      members.set(known.owner, undefined)
      current.set(client, { ...known, owner: from })
    }
    members.set(from, client)
    return client
  }

  /** Asks for the id, and keeps it back until the claim is kept. False: it is somebody else's. */
  function hold(client: number, principal: Principal): boolean {
    // The same person on a new connection: what the first one waits for tells.
    if (unkept.has(client)) return claimed(client, principal, () => undefined)
    let kept = false
    const show = (): void => {
      kept = true
      unkept.get(client)?.cancel()
      if (unkept.delete(client) && current.has(client)) touch(client)
    }
    if (!claimed(client, principal, show)) return false
    if (!kept) unkept.set(client, clock.after(UNKEPT_MS, show))
    return true
  }

  function announce(from: Subscriber, entry: AwarenessEntry): void {
    const known = current.get(entry.client)
    const gone = departed.get(entry.client)?.clock
    // Back after a break, with a clock that the others take for old news. Told that it is gone, a client announces itself anew.
    if (gone !== undefined && entry.clock <= gone) {
      from.presence(encodeAwareness([{ client: entry.client, clock: gone, state: ABSENT }]))
      return
    }
    // It claimed the id with a state that was not fit to be kept, and meanwhile somebody else speaks for it.
    if (known !== undefined && known.owner !== from) return
    const newer = known === undefined || entry.clock > known.clock || (entry.clock === known.clock && entry.state === ABSENT)
    if (!newer) return
    const state = entry.state.length > MAX_STATE ? entry.state : restate(entry.state)
    if (state === undefined) return
    const size = held - (known?.state.length ?? 0) + state.length
    const crowded = known === undefined && current.size >= MAX_PRESENT
    if (crowded || size > MAX_ROOM || state.length > MAX_STATE) return limitReached()
    held = size
    departed.delete(entry.client)
    current.set(entry.client, { owner: from, clock: entry.clock, state })
    touch(entry.client)
  }

  function touch(client: number): void {
    if (unkept.has(client)) return
    greeting = undefined
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
    return gone === undefined ? undefined : { client, clock: gone.clock, state: ABSENT }
  }

  /** The same payload for all who come while nothing changes: a room's may take a megabyte. */
  function greet(subscriber: Subscriber): void {
    members.set(subscriber, members.get(subscriber))
    greeting ??= encodePresent()
    if (greeting !== undefined) subscriber.presence(greeting)
  }

  function encodePresent(): Uint8Array | undefined {
    const entries: AwarenessEntry[] = []
    for (const [client, { clock: at, state }] of current) {
      if (state !== ABSENT && !unkept.has(client)) entries.push({ client, clock: at, state })
    }
    return entries.length > 0 ? encodeAwareness(entries) : undefined
  }

  function leave(subscriber: Subscriber): void {
    const client = members.get(subscriber)
    members.delete(subscriber)
    if (client !== undefined) depart(client, subscriber)
    if (members.size > 0) return
    for (const [gone, { reservedUntil }] of departed) if (reservedUntil <= clock.elapsed()) departed.delete(gone)
    dirty.clear()
    timer?.cancel()
    timer = undefined
  }

  function depart(client: number, subscriber: Subscriber): void {
    const last = current.get(client)
    if (last?.owner !== subscriber) return
    const { sub } = subscriber.principal
    current.delete(client)
    greeting = undefined
    held -= last.state.length
    if (departed.size >= MAX_DEPARTED) departed.delete(expendable(sub))
    const gone = last.clock + (last.state === ABSENT ? 0 : 1)
    departed.set(client, { sub, clock: gone, reservedUntil: clock.elapsed() + RESERVED_MS })
    if (last.state !== ABSENT) touch(client)
  }

  /** Whoever comes and goes with ever new ids costs his own reservations first. */
  function expendable(sub: string): number {
    const [oldest = 0] = departed.keys()
    for (const [client, gone] of departed) if (gone.sub === sub) return client
    return oldest
  }

  return { receive, greet, leave }
}

function isInRange({ client, clock }: AwarenessEntry): boolean {
  return client <= MAX_CLIENT && clock < MAX_CLOCK
}

/**
 * A state as a stock client will send it on, which may be longer than what came (`1e20` has 21 digits then); `undefined` for all but an object or null
 * of bounded depth, which is what every stock client can parse and compare.
 */
function restate(state: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(state)
    if (typeof parsed !== 'object' || Array.isArray(parsed) || !isShallow(parsed, MAX_DEPTH)) return undefined
    return JSON.stringify(parsed)
  } catch {
    return undefined // not JSON: a stock client never sends it
  }
}

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1))
}
