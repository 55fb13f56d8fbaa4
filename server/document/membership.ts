/**
 * The subscribers of one room: who may be here, who hears what of an entry, and who was asked for content already.
 *
 * A stock client that is asked for its content at every gap answers every time and floods the server, so a subscriber is
 * asked once, and again only after something of its own has been admitted.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import { mayOpen, mayWrite, opensByRelation, type Policy, relationOf } from '../access/policy.ts'
import type { Principal } from '../auth/principal.ts'
import type { DurableSequence } from '../log/entry.ts'
import type { Replica } from './replica.ts'
import type { CommittedEntry, Subscriber } from './subscriber.ts'

/** A committed entry as subscribers get it; the replica must be at its state. */
export function committed(sequence: DurableSequence, update: Uint8Array, replica: Replica): CommittedEntry {
  return { sequence, update, stateVector: () => replica.stateVector() }
}

export const NOT_OPEN = new SyncError('forbidden', 'no right to open this record')

interface Member {
  asked: boolean
  /** May be here only as long as the record's owner is who it is. */
  readonly byRelation: boolean
}

export class Membership {
  readonly #type: string
  readonly #policy: Policy
  readonly #members = new Map<Subscriber, Member>()
  /** How many are here by relation. */
  #related = 0

  /** Of a record of this type. */
  constructor(type: string, policy: Policy) {
    this.#type = type
    this.#policy = policy
  }

  get size(): number {
    return this.#members.size
  }

  /** `owner` answers what the record's owner field holds. Throws `forbidden` if the record is not this person's to open. */
  add(subscriber: Subscriber, owner: () => unknown): void {
    const { principal } = subscriber
    const byRelation = opensByRelation(principal, this.#type, this.#policy)
    if (!this.#opens(principal, byRelation ? owner() : undefined)) throw NOT_OPEN
    this.#related += byRelation ? 1 : 0
    this.#members.set(subscriber, { asked: false, byRelation })
  }

  /** False if it was none. */
  remove(subscriber: Subscriber): boolean {
    const member = this.#members.get(subscriber)
    if (member === undefined) return false
    this.#related -= member.byRelation ? 1 : 0
    return this.#members.delete(subscriber)
  }

  /** Those who may be here no more, now that the record's owner is this one. */
  barred(owner: () => unknown): readonly Subscriber[] {
    if (this.#related === 0) return []
    const now = owner()
    const members = [...this.#members].filter(([{ principal }, { byRelation }]) => byRelation && !this.#opens(principal, now))
    return members.map(([subscriber]) => subscriber)
  }

  #opens(principal: Principal, owner: unknown): boolean {
    return mayOpen(principal, this.#type, relationOf(principal, owner), this.#policy)
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
    this.#related = 0
    for (const subscriber of subscribers) subscriber.end(reason)
  }
}
