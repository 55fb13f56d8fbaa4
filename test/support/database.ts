/**
 * A database for a test, empty or migrated, in a folder of its own that leaves with it, and the log store on it with what the
 * contract suite needs besides.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, openDatabase, type Sql } from '../../server/db.ts'
import { createSqlLogStore } from '../../server/log/sql-log-store.ts'
import { createLogger } from '../../server/observability/logger.ts'
import type { StoreUnderTest } from './log-store-contract.ts'

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

export function sqlStoreUnderTest(sql: Sql): StoreUnderTest {
  return {
    store: createSqlLogStore(sql),
    async erase({ tenant, type, id }) {
      await sql.begin(async (step) => {
        await step`
          update rapport.records
          set erased = true, snapshot_sequence = 0, snapshot_entry = null, snapshot_at = null, snapshot = null, snapshot_vector = null
          where tenant = ${tenant} and type = ${type} and id = ${id}`
        await step`delete from rapport.record_updates where tenant = ${tenant} and type = ${type} and record_id = ${id}`
        await step`delete from rapport.server_items where tenant = ${tenant} and type = ${type} and record_id = ${id}`
      })
    },
    async schemaVersion({ tenant, type, id }) {
      const [row] = await sql<{ version: number }[]>`
        select schema_version as version from rapport.records where tenant = ${tenant} and type = ${type} and id = ${id}`
      return row?.version
    },
    async serverItems({ tenant, type, id }) {
      const rows = await sql<{ [column: string]: number & string }[]>`
        select client, clock, length, author_sub as sub, author_role as role, stands_for_client as by, stands_for_clock as at
        from rapport.server_items where tenant = ${tenant} and type = ${type} and record_id = ${id} order by sequence, clock`
      return rows.map(({ client = 0, clock = 0, length = 0, sub = '', role = '', by = 0, at = 0 }) => {
        return { client, clock, length, author: { sub, role }, standsFor: { client: by, clock: at }, cleared: false }
      })
    },
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
