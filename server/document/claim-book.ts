/**
 * Stores announced client ids of all rooms of the process, in one statement for all that come within 100 ms. They wait while the
 * database is away, the newest ones at least; what is lost with them protects nobody's id but until its owner's first edit.
 *
 * Of records that nobody has written each person has a share a day: those claims belong to no record that anybody could erase.
 */
import type { Clock, Timer } from '@rapport/shared/clock.ts'
import type { Claim } from '../log/entry.ts'
import type { UpdateLog } from '../log/update-log.ts'
import type { LimitHit } from '../observability/limits.ts'
import type { Logger } from '../observability/logger.ts'

/** Milliseconds: between two statements; after one that failed. */
const GATHER = 100
const RETRY = 2_000
/** Claims in one statement, and claims that wait. */
const AT_ONCE = 1_000
const MOST = 20_000
/** Claims of one person in unwritten records, in 24 hours. */
const SHARE = 1_000
const DAY = 24 * 3_600_000

interface Waiting {
  readonly claim: Claim
  readonly done: () => void
}

export class ClaimBook {
  readonly #log: Pick<UpdateLog, 'bind'>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #limitHit: LimitHit
  #waiting: Waiting[] = []
  /** Claims in unwritten records, by person. */
  readonly #shares = new Map<string, number>()
  #sharesSince: number
  #timer: Timer | undefined
  #writing: Promise<void> | undefined
  #closed = false

  constructor(log: Pick<UpdateLog, 'bind'>, clock: Clock, logger: Logger, limitHit: LimitHit) {
    this.#log = log
    this.#clock = clock
    this.#logger = logger
    this.#limitHit = limitHit
    this.#sharesSince = clock.elapsed()
  }

  /** `done` is called once it is stored, or will not be. */
  add(claim: Claim, done: () => void): void {
    if (this.#waiting.length >= MOST) {
      this.#waiting.shift()?.done()
      this.#limitHit('claims')
    }
    this.#waiting.push({ claim, done })
    this.#later(GATHER)
  }

  /** Of a record that does not exist. False: the person has used up the share, and nothing is stored. */
  addUnwritten(claim: Claim, done: () => void): boolean {
    const now = this.#clock.elapsed()
    if (now - this.#sharesSince >= DAY) {
      this.#shares.clear()
      this.#sharesSince = now
    }
    const person = JSON.stringify([claim.key.tenant, claim.owner.sub])
    const used = this.#shares.get(person) ?? 0
    if (used >= SHARE) {
      this.#limitHit('claims')
      return false
    }
    this.#shares.set(person, used + 1)
    this.add(claim, done)
    return true
  }

  /** Resolves once everything that waits is written, or the database has refused once more; nothing is written later. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await this.#writing
    let written = true
    while (written && this.#waiting.length > 0) written = await this.#write()
  }

  #later(milliseconds: number): void {
    if (this.#closed) return
    this.#timer ??= this.#clock.after(milliseconds, () => {
      this.#timer = undefined
      this.#writing = this.#write().then((written) => {
        this.#writing = undefined
        if (this.#waiting.length > 0) this.#later(written ? GATHER : RETRY)
      })
    })
  }

  /** False if the database did not take them. */
  async #write(): Promise<boolean> {
    const claims = this.#waiting.splice(0, AT_ONCE)
    try {
      await this.#log.bind(claims.map(({ claim }) => claim))
      for (const { done } of claims) done()
      return true
    } catch (error) {
      this.#logger.debug({ err: error, claims: claims.length }, 'announced client ids were not stored; trying again')
      const waiting = [...claims, ...this.#waiting]
      for (const { done } of waiting.slice(0, -MOST)) done()
      this.#waiting = waiting.slice(-MOST)
      return false
    }
  }
}
