/**
 * `cli restored`: the database was put back from a backup. Clients then hold more than it does, each of them its own edits and those
 * of others, so for some days what one brings of another is taken as relayed. Servers that run notice by themselves.
 */
import { parseArgs } from 'node:util'
import { systemClock } from '@rapport/shared/clock.ts'
import type { Config } from '../config.ts'
import { joinDatabase } from '../db.ts'
import { createReviewStore, type ReviewStore } from '../log/review-store.ts'
import { createLogger } from '../observability/logger.ts'
import { UsageError } from './command.ts'

export const DEFAULT_DAYS = 7
/** Meanwhile a forger who knows another's client id may write under it. */
const MOST_DAYS = 90
const DAY = 86_400_000

export async function noteRestoration(config: Config, args: readonly string[]): Promise<string> {
  const { values } = parseArgs({ args: [...args], options: { days: { type: 'string' }, end: { type: 'boolean' } } })
  if (values.end === true && values.days !== undefined) throw new UsageError('restored takes --days or --end, not both.')
  const days = Number(values.days ?? DEFAULT_DAYS)
  if (!Number.isSafeInteger(days) || days < 1 || days > MOST_DAYS)
    throw new UsageError(`--days must be a whole number from 1 to ${MOST_DAYS}.`)
  const database = await joinDatabase(config, createLogger('error'))
  try {
    const store = createReviewStore(database.sql)
    await store.markRestored(values.end === true ? null : systemClock.now() + days * DAY)
    return `${JSON.stringify({ relayedUntil: await relayedUntil(store) })}\n`
  } finally {
    await database.close()
  }
}

/** RFC 3339, or null. */
async function relayedUntil(store: ReviewStore): Promise<string | null> {
  const until = await store.restoredUntil()
  return until === null ? null : new Date(until).toISOString()
}
