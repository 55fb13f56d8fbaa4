/**
 * What a failed statement means for the group it carried. Wrong either way costs something: a data failure that is taken for a
 * transient one blocks every record for ever behind it, so classes that can only come from the data are listed, and states
 * that come from some rows and may last are, too; everything unknown counts as transient, because trying again loses nothing.
 */
import type { Failure } from './log-store.ts'

/**
 * The first two characters of an SQLSTATE (Postgres manual, appendix A): 22 data exception, 23 integrity constraint violation,
 * 54 program limit exceeded. Not here, and so transient: 08 connection, 40 rollback, 42 (a table is being migrated), 53
 * resources, 57 shutdown, 58 system error.
 */
const DATA_CLASSES: ReadonlySet<string> = new Set(['22', '23', '54'])
/**
 * Of one record's rows, while the database is well: lock timeout, statement timeout (which a wait for a lock also ends in),
 * deadlock, a damaged page of a table or of an index.
 */
const ROW_STATES: ReadonlySet<string> = new Set(['55P03', '57014', '40P01', 'XX001', 'XX002'])
const SQLSTATE = /^[0-9A-Z]{5}$/

/** For errors of postgres.js; those of the network and of the driver itself carry other codes, or none. */
export function classifyFailure(thrown: unknown): Failure {
  const { name, code } = (thrown ?? {}) as { readonly name?: unknown; readonly code?: unknown }
  if (name !== 'PostgresError' || typeof code !== 'string' || !SQLSTATE.test(code)) return 'transient'
  if (ROW_STATES.has(code)) return 'contended'
  return DATA_CLASSES.has(code.slice(0, 2)) ? 'data' : 'transient'
}
