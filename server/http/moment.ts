/** A moment in a record's life, as requests name it: a sequence of its log, or a time. */
import { SyncError } from '@rapport/shared/errors.ts'
import type { Context } from 'hono'

export type Moment = { readonly sequence: number } | { readonly time: number }

const SEQUENCE = /^\d{1,15}$/
const TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/

/** Digits are a sequence, RFC 3339 is a time, to the millisecond; `undefined` for anything else. */
export function parseMoment(given: unknown): Moment | undefined {
  if (typeof given === 'number') return Number.isSafeInteger(given) && given >= 0 ? { sequence: given } : undefined
  if (typeof given !== 'string') return undefined
  if (SEQUENCE.test(given)) return { sequence: Number(given) }
  const time = TIME.test(given) && isDay(given.slice(0, 10)) ? Date.parse(given.toUpperCase()) : Number.NaN
  return Number.isNaN(time) ? undefined : { time }
}

/** `Date.parse` takes the 30th of February for the 2nd of March. */
function isDay(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day)
}

/** The one that a reading asks for, by the parameter `at`; `undefined` without it. Throws `malformed`. */
export function readMoment(context: Context): Moment | undefined {
  const given = context.req.queries('at')
  if (given === undefined) return undefined
  const moment = given.length === 1 ? parseMoment(given[0]) : undefined
  if (moment === undefined) throw new SyncError('malformed', 'at must be a sequence or an RFC 3339 time')
  return moment
}
