/**
 * What a failed attempt means for the records in it, and how it is told. Nothing here repeats the database's own message: it quotes
 * the values.
 */
import { KeptRow } from './kept-row.ts'

export type Failure =
  /** The database, or the way to it, is in trouble: whoever is next would fail too. */
  | 'lost'
  /** Somebody holds what is needed, or was faster: later. */
  | 'busy'
  /** Trying the same again soon will not help. What is unknown counts as this: a record at fault blocks nobody and is tried again. */
  | 'refused'

/** First two characters of an SQLSTATE (Postgres manual, appendix A): rollback (deadlock, serialization), and objects in use. */
const BUSY_CLASSES: ReadonlySet<string> = new Set(['40', '55'])

/** Condition names of the manual, for what constraints, types and triggers usually say. */
const CONDITIONS: Readonly<Record<string, string>> = {
  '22001': 'string_data_right_truncation',
  '22003': 'numeric_value_out_of_range',
  '22007': 'invalid_datetime_format',
  '22008': 'datetime_field_overflow',
  '22P02': 'invalid_text_representation',
  '23502': 'not_null_violation',
  '23503': 'foreign_key_violation',
  '23505': 'unique_violation',
  '23514': 'check_violation',
  '42501': 'insufficient_privilege',
  '42703': 'undefined_column',
  '42804': 'datatype_mismatch',
  '42P01': 'undefined_table',
  '428C9': 'generated_always',
  '57014': 'query_canceled',
  P0001: 'raise_exception',
}

/** The parts of a database's error that name things and hold no value. */
interface Refusal {
  readonly code: string
  readonly table_name?: unknown
  readonly column_name?: unknown
  readonly constraint_name?: unknown
}

/** What every statement is answered behind the one that failed. */
export function isAftermath(thrown: unknown): boolean {
  return refusalOf(thrown)?.code === '25P02'
}

/** Told by the network, by the driver, or by the database as its last word. Any other error leaves the connection as it was. */
export function isDisconnected(thrown: unknown): boolean {
  const { name, code, severity } = (thrown ?? {}) as Readonly<Record<'name' | 'code' | 'severity', unknown>>
  if (name === 'PostgresError') return severity === 'FATAL' || severity === 'PANIC'
  return typeof code === 'string' && /^(CONNECT|E[A-Z]+$|ERR_SOCKET|ERR_STREAM)/.test(code)
}

/**
 * An answer that leaves the session alive is about the statement, whatever its SQLSTATE says: a trigger may raise any. Should it be the
 * database's trouble all the same, noting it as the record's fault fails too.
 */
export function classifyFailure(thrown: unknown): Failure {
  if (isDisconnected(thrown)) return 'lost'
  const refusal = refusalOf(thrown)
  return refusal !== undefined && BUSY_CLASSES.has(refusal.code.slice(0, 2)) ? 'busy' : 'refused'
}

/** One sentence for the operator: the condition, and the table, column and constraint that it names. */
export function faultOf(thrown: unknown): string {
  if (thrown instanceof KeptRow) return thrown.message
  const refusal = refusalOf(thrown)
  if (refusal === undefined) return 'The rows could not be written.'
  const { code, table_name: table, column_name: column, constraint_name: constraint } = refusal
  const condition = Object.hasOwn(CONDITIONS, code) ? `${CONDITIONS[code]} (${code})` : `SQLSTATE ${code}`
  const places = Object.entries({ table, column, constraint }).filter(([, name]) => typeof name === 'string' && name !== '')
  return `The database refuses the rows: ${[condition, ...places.map(([kind, name]) => `${kind} ${name}`)].join(', ')}.`
}

/** `undefined` for an error that is not the database's answer. */
function refusalOf(thrown: unknown): Refusal | undefined {
  const { name, code } = (thrown ?? {}) as { readonly name?: unknown; readonly code?: unknown }
  if (name !== 'PostgresError' || typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code)) return undefined
  return thrown as Refusal
}
