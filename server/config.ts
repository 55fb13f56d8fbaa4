/**
 * The environment as typed values. The only reader of `process.env`; a bad value ends the start with one sentence that names
 * the variable, never its value (it may be a secret in the wrong place).
 */
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { SyncError } from '@rapport/shared/errors.ts'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface Limits {
  /** Largest WebSocket message, bytes. */
  readonly frameBytes: number
  /** Largest encoded record, bytes. */
  readonly recordBytes: number
  /** What may wait in one socket before it counts as slow, bytes. */
  readonly socketBufferBytes: number
  /** Per socket, and over HTTP per user; 0 means no limit. */
  readonly updatesPerSecond: number
  /** Per socket, and over HTTP per user; 0 means no limit. */
  readonly bytesPerSecond: number
}

export interface Config {
  readonly host: string
  /** 0 lets the system choose a free port. */
  readonly port: number
  /** Absent: the embedded database in the data folder. */
  readonly databaseUrl: string | undefined
  /** Port of 127.0.0.1 on which the embedded database speaks SQL; absent: on none. */
  readonly sqlPort: number | undefined
  /** Absolute path. */
  readonly dataDirectory: string
  /** The `aud` that tokens must carry. */
  readonly audience: string
  /** Whether an empty embedded database is given sample records. */
  readonly samples: boolean
  /** Change events older than that are removed, days. */
  readonly feedRetentionDays: number
  /** Addresses that webhooks may be sent to although they are not public: leading bits that all of a range have in common. */
  readonly webhookAllow: readonly { readonly address: string; readonly bits: number }[]
  readonly logLevel: LogLevel
  readonly limits: Limits
}

export type Environment = Readonly<Record<string, string | undefined>>

const MAX_INTEGER = Number.MAX_SAFE_INTEGER

/** Reads every variable once. Throws a `SyncError` of code `configuration`. An empty value counts as unset. */
export function readConfig(environment: Environment = process.env): Config {
  const text = (name: string): string | undefined => environment[name] || undefined
  const integer = (name: string, otherwise: number, least: number, most: number): number => {
    const given = text(name)
    if (given === undefined) return otherwise
    const value = /^\d{1,16}$/.test(given) ? Number(given) : Number.NaN
    if (value >= least && value <= most) return value
    throw bad(`${name} must be a whole number ${most === MAX_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`}.`)
  }
  const sqlPort = (port: number): number | undefined => {
    if (text('RAPPORT_SQL_PORT') === undefined) return undefined
    const value = integer('RAPPORT_SQL_PORT', 0, 1, 65_535)
    if (text('DATABASE_URL') !== undefined) {
      throw bad('RAPPORT_SQL_PORT is for the embedded database, and makes no sense together with DATABASE_URL.')
    }
    if (value === port) throw bad('RAPPORT_SQL_PORT must be another port than PORT.')
    return value
  }
  const port = integer('PORT', 4100, 0, 65_535)
  return Object.freeze({
    host: text('HOST') ?? '127.0.0.1',
    port,
    databaseUrl: databaseUrl(text('DATABASE_URL')),
    sqlPort: sqlPort(port),
    dataDirectory: resolve(text('RAPPORT_DATA_DIR') ?? '.data'),
    audience: text('RAPPORT_AUDIENCE') ?? 'rapport',
    samples: onOrOff('RAPPORT_SAMPLES', text('RAPPORT_SAMPLES')),
    feedRetentionDays: integer('RAPPORT_FEED_RETENTION_DAYS', 30, 1, 36_500),
    webhookAllow: addressRanges('RAPPORT_WEBHOOK_ALLOW', text('RAPPORT_WEBHOOK_ALLOW')),
    logLevel: logLevel(text('LOG_LEVEL')),
    limits: Object.freeze({
      frameBytes: integer('RAPPORT_MAX_FRAME_BYTES', 4_194_304, 1_024, 1_073_741_824),
      recordBytes: integer('RAPPORT_MAX_RECORD_BYTES', 16_777_216, 1_024, 268_435_456),
      socketBufferBytes: integer('RAPPORT_SOCKET_BUFFER_BYTES', 1_048_576, 1_024, 1_073_741_824),
      updatesPerSecond: integer('RAPPORT_RATE_UPDATES_PER_S', 500, 0, MAX_INTEGER),
      bytesPerSecond: integer('RAPPORT_RATE_BYTES_PER_S', 8_388_608, 0, MAX_INTEGER),
    }),
  })
}

function databaseUrl(given: string | undefined): string | undefined {
  if (given === undefined) return undefined
  // Several hosts separated by commas are legal here and not in a URL; the driver takes them, so only the scheme is checked.
  if (/^postgres(ql)?:\/\/\S+$/.test(given)) return given
  throw bad('DATABASE_URL must be a URL that starts with postgres:// or postgresql://.')
}

function onOrOff(name: string, given: string | undefined): boolean {
  if (given === undefined || given === 'on') return true
  if (given === 'off') return false
  throw bad(`${name} must be on or off.`)
}

function addressRanges(name: string, given: string | undefined): Config['webhookAllow'] {
  return (given?.split(',') ?? []).map((range) => {
    const [, address = '', bits] = /^([^/\s]+)(?:\/(\d{1,3}))?$/.exec(range.trim()) ?? []
    const most = { 4: 32, 6: 128 }[isIP(address)]
    if (most !== undefined && Number(bits ?? most) <= most) return { address, bits: Number(bits ?? most) }
    throw bad(`${name} must be addresses or ranges such as 10.0.0.0/8, with commas between them.`)
  })
}

function logLevel(given: string | undefined): LogLevel {
  const level = LOG_LEVELS.find((known) => known === (given ?? 'info'))
  if (level !== undefined) return level
  throw bad(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}.`)
}

function bad(sentence: string): SyncError {
  return new SyncError('configuration', sentence)
}
