/**
 * Whose client ids are by announcement: whoever tells one in presence first has it, in this room at once and in the database
 * soon after, so that nobody who sees it there can write under it while its owner is away.
 *
 * Readers' ids are left out: nothing is ever written under them.
 */
import type { Author, RecordKey } from '@rapport/shared/ids.ts'
import { mayWrite } from '../access/policy.ts'
import { authorOf, type Principal } from '../auth/principal.ts'
import type { Claim } from '../log/entry.ts'
import type { ClaimBook } from './claim-book.ts'

/** Ids of one person that are remembered here; the newest. As many as are stored. */
const PER_PERSON = 100

export class Announced {
  readonly #key: RecordKey
  readonly #book: ClaimBook
  /** Oldest first. */
  readonly #owners = new Map<number, Author>()
  /** The record exists. What could not be stored before is stored then. */
  #stored = false

  constructor(key: RecordKey, book: ClaimBook) {
    this.#key = key
    this.#book = book
  }

  /** The database may know nothing of what is known here. */
  get onlyHere(): boolean {
    return !this.#stored && this.#owners.size > 0
  }

  /**
   * False: it is somebody else's. Otherwise `known` is called once nobody else can take it on another instance either, or nothing more
   * can be done for that; maybe at once.
   */
  add(client: number, principal: Principal, known: () => void): boolean {
    const holder = this.ownerOf(client)
    if (holder !== undefined && holder !== principal.sub) return false
    if (holder !== undefined || !mayWrite(principal)) known()
    else this.#claim({ key: this.#key, client, owner: authorOf(principal) }, known)
    return true
  }

  /** The subject that announced the id. */
  ownerOf(client: number): string | undefined {
    return this.#owners.get(client)?.sub
  }

  /** The record exists by now. */
  recordStored(): void {
    if (this.#stored) return
    this.#stored = true
    for (const [client, owner] of this.#owners) this.#book.add({ key: this.#key, client, owner }, () => undefined)
  }

  #claim(claim: Claim, known: () => void): void {
    this.#owners.set(claim.client, claim.owner)
    this.#forgetOldest(claim.owner.sub)
    if (this.#stored) this.#book.add(claim, known)
    else if (!this.#book.addUnwritten(claim, known)) known()
  }

  #forgetOldest(sub: string): void {
    const own = [...this.#owners].filter(([, owner]) => owner.sub === sub)
    for (const [client] of own.slice(0, -PER_PERSON)) this.#owners.delete(client)
  }
}
