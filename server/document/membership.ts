/**
 * The subscribers of one room: who hears what of an entry, and who was asked for content already.
 *
 * A stock client that is asked for its content at every gap answers every time and floods the server, so a subscriber is
 * asked once, and again only after something of its own has been admitted.
 */
import type { SyncError } from '@rapport/shared/errors.ts'
import { mayWrite } from '../access/policy.ts'
import type { DurableSequence } from '../log/entry.ts'
import type { Replica } from './replica.ts'
import type { CommittedEntry, Subscriber } from './subscriber.ts'

/** A committed entry as subscribers get it; the replica must be at its state. */
export function committed(sequence: DurableSequence, update: Uint8Array, replica: Replica): CommittedEntry {
  return { sequence, update, stateVector: () => replica.stateVector() }
}

interface Member {
  asked: boolean
}

export class Membership {
  readonly #members = new Map<Subscriber, Member>()

  get size(): number {
    return this.#members.size
  }

  add(subscriber: Subscriber): void {
    this.#members.set(subscriber, { asked: false })
  }

  /** False if it was none. */
  remove(subscriber: Subscriber): boolean {
    return this.#members.delete(subscriber)
  }

  has(subscriber: Subscriber): boolean {
    return this.#members.has(subscriber)
  }

  /** To everybody but `except`: the only author of an entry that holds nothing but what it sent, and who wants no echo. */
  deliver(entry: CommittedEntry, except: Subscriber | undefined): void {
    for (const subscriber of this.#members.keys()) {
      if (subscriber !== except) subscriber.update(entry)
    }
  }

  advanced(subscriber: Subscriber): void {
    const member = this.#members.get(subscriber)
    if (member !== undefined) member.asked = false
  }

  ask(subscriber: Subscriber, stateVector: Uint8Array): void {
    const member = this.#members.get(subscriber)
    if (member === undefined || member.asked) return
    member.asked = true
    subscriber.ask(stateVector)
  }

  /** History was replaced under everybody: each may hold what the log has lost. Readers are not asked, for they may not give. */
  askWriters(stateVector: Uint8Array): void {
    for (const [subscriber, member] of this.#members) {
      if (!mayWrite(subscriber.principal)) continue
      member.asked = true
      subscriber.ask(stateVector)
    }
  }

  endAll(reason: SyncError): void {
    const subscribers = [...this.#members.keys()]
    this.#members.clear()
    for (const subscriber of subscribers) subscriber.end(reason)
  }
}
