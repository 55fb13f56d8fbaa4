/**
 * Stores announced client ids of all rooms of the process, in one statement for all that come within 100 ms. They wait while the
 * database is away, the newest ones at least; what is lost with them protects nobody's id but until its owner's first edit.
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

export class ClaimBook {
  readonly #log: Pick<UpdateLog, 'bind'>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #limitHit: LimitHit
  #waiting: Claim[] = []
  #timer: Timer | undefined
  #writing: Promise<void> | undefined
  #closed = false

  constructor(log: Pick<UpdateLog, 'bind'>, clock: Clock, logger: Logger, limitHit: LimitHit) {
    this.#log = log
    this.#clock = clock
    this.#logger = logger
    this.#limitHit = limitHit
  }

  add(claim: Claim): void {
    if (this.#waiting.length >= MOST) {
      this.#waiting.shift()
      this.#limitHit('claims')
    }
    this.#waiting.push(claim)
    this.#later(GATHER)
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
      await this.#log.bind(claims)
      return true
    } catch (error) {
      this.#logger.debug({ err: error, claims: claims.length }, 'announced client ids were not stored; trying again')
      this.#waiting = [...claims, ...this.#waiting].slice(-MOST)
      return false
    }
  }
}
