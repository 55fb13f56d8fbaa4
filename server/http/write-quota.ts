/**
 * How much one principal may write over HTTP: a rate of requests and of bytes, and so much that is under way at once. Whoever
 * exceeds it is told when to come back, and keeps nobody else waiting. What is kept of a principal leaves when it can tell nothing
 * any more.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import { BURST_SECONDS, createTokenBucket, type TokenBucket } from '@rapport/shared/token-bucket.ts'
import type { Principal } from '../auth/principal.ts'
import type { Limits } from '../config.ts'
import type { LimitHit } from '../observability/limits.ts'
import { accountOf } from './record-target.ts'

export interface WriteQuotaNeeds {
  readonly clock: Clock
  readonly limits: Pick<Limits, 'frameBytes' | 'updatesPerSecond' | 'bytesPerSecond'>
  readonly limitHit: LimitHit
}

/** A request that was let in. */
export interface Pass {
  /** So many bytes of its body came, and are kept. Throws `rate_limited` if too much is in memory already. */
  arrived(bytes: number): void
  /** So many requests more than one. */
  more(requests: number): void
  /** So many bytes crossed the wire, or will, and are not kept. */
  charge(bytes: number): void
  /** Nothing of it is in memory any more. */
  leave(): void
}

export interface WriteQuota {
  /**
   * `announced` bytes, `undefined` if the body's length is not known. Throws `rate_limited` with the time to come back. What is
   * announced takes no place until it comes: uploads that stand still keep nobody out.
   */
  enter(principal: Principal, announced: number | undefined): Pass
  /** Principals of whom something is kept. */
  readonly size: number
}

/** Of one principal, under way at once: requests, and the largest bodies that their bytes may amount to. */
const MAX_PENDING = 1_000
const MAX_PENDING_BODIES = 4
const COME_BACK_MS = 1_000
/** Milliseconds between looks for accounts that can leave, and accounts beyond which the oldest leaves at once. */
const SWEEP_EVERY = 5_000
const MAX_ACCOUNTS = 20_000

interface Account {
  readonly requests: TokenBucket
  readonly bytes: TokenBucket
  pending: number
  pendingBytes: number
  /** When both buckets are full again, in elapsed milliseconds. */
  restedAt: number
}

export function createWriteQuota({ clock, limits, limitHit }: WriteQuotaNeeds): WriteQuota {
  /** In order of last use. */
  const accounts = new Map<string, Account>()
  let sweptAt = clock.elapsed()

  function open(principal: Principal): Account {
    const name = accountOf(principal)
    const account = accounts.get(name) ?? {
      requests: createTokenBucket(clock, limits.updatesPerSecond),
      bytes: createTokenBucket(clock, limits.bytesPerSecond),
      pending: 0,
      pendingBytes: 0,
      restedAt: 0,
    }
    accounts.delete(name)
    accounts.set(name, account)
    return account
  }

  function charge(account: Account, bucket: TokenBucket, cost: number): void {
    account.restedAt = Math.max(account.restedAt, clock.elapsed() + bucket(cost) + BURST_SECONDS * 1_000)
  }

  /** An account with full buckets is as good as a new one. */
  function sweep(): void {
    const now = clock.elapsed()
    const due = now - sweptAt >= SWEEP_EVERY
    if (due) sweptAt = now
    for (const [name, { pending, restedAt }] of accounts) {
      const crowded = accounts.size > MAX_ACCOUNTS
      if (!due && !crowded) return
      if (pending === 0 && (crowded || restedAt <= now)) accounts.delete(name)
    }
  }

  function isCrowded({ pendingBytes }: Account, more: number): boolean {
    return pendingBytes + more > MAX_PENDING_BODIES * limits.frameBytes
  }

  function refuse(retryAfter: number, limit: 'rate' | 'unsettled'): never {
    limitHit(limit)
    throw new SyncError('rate_limited', 'too many writes; come back later', { retryAfter })
  }

  return {
    enter(principal, announced = 0) {
      sweep()
      const account = open(principal)
      // More than that is not read.
      const bytes = Math.min(announced, limits.frameBytes)
      const wait = Math.max(account.requests(0), account.bytes(0))
      if (wait > 0) refuse(wait, 'rate')
      if (account.pending >= MAX_PENDING || isCrowded(account, bytes)) refuse(COME_BACK_MS, 'unsettled')
      charge(account, account.requests, 1)
      account.pending += 1
      let [inside, kept] = [true, 0]
      return {
        arrived(size) {
          charge(account, account.bytes, size)
          if (isCrowded(account, size)) refuse(COME_BACK_MS, 'unsettled')
          account.pendingBytes += size
          kept += size
        },
        more: (requests) => charge(account, account.requests, requests),
        charge: (size) => charge(account, account.bytes, size),
        leave() {
          if (!inside) return
          inside = false
          account.pending -= 1
          account.pendingBytes -= kept
        },
      }
    },
    get size() {
      return accounts.size
    },
  }
}
