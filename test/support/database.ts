/**
 * A database for a test, empty or migrated, in a folder of its own that leaves with it, and the log store on it with what the
 * contract suite needs besides.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, openDatabase, type Sql } from '../../server/db.ts'
import { createReviewStore } from '../../server/log/review-store.ts'
import { createSqlLogStore } from '../../server/log/sql-log-store.ts'
import { createLogger } from '../../server/observability/logger.ts'
import type { FindingsUnderTest } from './findings-contract.ts'
import type { StoreUnderTest } from './log-store-contract.ts'

const TABLES_OF_A_RECORD = [
  ...[
    'record_updates',
    'server_items',
    'record_clients',
    'field_changes',
    'conflicts',
    'quarantine',
    'set_aside',
    'inbound_changes',
  ],
]

export const silent = createLogger('silent')

export interface TestDatabase extends Database {
  readonly dataDirectory: string
  /** Closes the database and leaves its folder. */
  release(): Promise<void>
}

/** The embedded database in a new folder; `close` removes the folder too. */
export async function openEmbeddedForTest(): Promise<TestDatabase> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'rapport-data-'))
  const database = await openDatabase({ databaseUrl: undefined, dataDirectory }, silent)
  return {
    ...database,
    dataDirectory,
    release: database.close,
    async close() {
      await database.close()
      await rm(dataDirectory, { recursive: true, force: true })
    },
  }
}

export function sqlStoreUnderTest(sql: Sql): StoreUnderTest & FindingsUnderTest {
  const review = createReviewStore(sql)
  return {
    store: createSqlLogStore(sql),
    async erase({ tenant, type, id }) {
      await sql.begin(async (step) => {
        await step`
          update rapport.records
          set erased = true, snapshot_sequence = 0, snapshot_entry = null, snapshot_at = null, snapshot = null, snapshot_vector = null
          where tenant = ${tenant} and type = ${type} and id = ${id}`
        for (const table of TABLES_OF_A_RECORD) {
          await step`delete from rapport.${step(table)} where tenant = ${tenant} and type = ${type} and record_id = ${id}`
        }
      })
    },
    async schemaVersion({ tenant, type, id }) {
      const [row] = await sql<{ version: number }[]>`
        select schema_version as version from rapport.records where tenant = ${tenant} and type = ${type} and id = ${id}`
      return row?.version
    },
    async serverItems({ tenant, type, id }) {
      const { marks } = await createSqlLogStore(sql).ledger({ tenant, type, id }, Number.MAX_SAFE_INTEGER)
      return marks
    },
    async changes(key) {
      const items = await review.history(key, { limit: 1_000 })
      return items.map(({ ordinal: _, ...change }) => change).toReversed()
    },
    async conflicts(key) {
      const rows = await review.conflicts(key, { limit: 1_000 })
      return new Map(rows.map(({ id, status }) => [id, status]))
    },
    async capture({ tenant, type, id }) {
      const [row] = await sql<{ id: number }[]>`
        insert into rapport.inbound_changes (tenant, table_name, type, record_id, op, author, transaction, at)
        values (${tenant}, 'contacts', ${type}, ${id}, 'update', 'sql:test', 1, now()) returning id`
      return row?.id ?? 0
    },
    async captured(tenant, id) {
      const [row] = await sql<{ status: string; reason: string | null }[]>`
        select status, reason from rapport.inbound_changes where tenant = ${tenant} and id = ${id}`
      return row
    },
    markRestored: (until) => review.markRestored(until ?? null),
    async quarantined({ tenant, type, id }) {
      const rows = await sql<{ id: string }[]>`
        select id from rapport.quarantine
        where tenant = ${tenant} and type = ${type} and record_id = ${id} order by position`
      return rows.map((row) => row.id)
    },
    async marks({ tenant, type, id }) {
      const rows = await sql<{ sequence: number }[]>`
        select sequence from rapport.projection_marks
        where tenant = ${tenant} and type = ${type} and record_id = ${id} order by sequence`
      return rows.map((row) => row.sequence)
    },
  }
}
