/** P6 from outside, over every database: whatever was killed on the way, the rows are what the documents say. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { parseTenant, type Tenant } from '@rapport/shared/ids.ts'
import { forward } from '@rapport/shared/mapping/forward.ts'
import { expect, test } from 'vitest'
import { compileShipped } from '../../drizzle/mappings/mappings.ts'
import { joinDatabase } from '../../server/db.ts'
import { MAIN, testEnvironment } from './data-folder.ts'
import { silent } from './database.ts'
import { recordKey } from './entries.ts'
import { mintLocalToken } from './local-token.ts'
import { comparableRows, readRows } from './projected-rows.ts'
import { type Place, runTraffic, type Trafficked } from './projected-traffic.ts'
import { startServer } from './server-process.ts'
import { until } from './stock-client.ts'

export interface Setting extends Place {
  readonly databaseUrl: string | undefined
  readonly dataDirectory: string
}

/** The real server on this data folder, and on this database if one is named. */
export function settingOn(dataDirectory: string, databaseUrl?: string): Setting {
  const environment = { ...testEnvironment(dataDirectory), DATABASE_URL: databaseUrl ?? '', RAPPORT_SAMPLES: 'off' }
  return {
    databaseUrl,
    dataDirectory,
    start: () => startServer(MAIN, environment),
    token: (sub) => mintLocalToken(dataDirectory, 'demo', sub),
  }
}

const DEMO = parseTenant('demo') as Tenant
const CAUGHT_UP_MILLISECONDS = 30_000

export function describeTraffic(open: () => Setting, seeds: readonly number[]): void {
  test.each(seeds)(
    'P6, P8: after edits over sockets and REST and three kills, rows are forward(document), and a rebuild changes nothing (seed %i)',
    async (seed) => {
      const setting = open()
      const { server, records } = await runTraffic(setting, seed)
      const database = await joinDatabase(setting, silent)
      try {
        await until(() => caughtUp(database.sql, records), 'every record has its rows', CAUGHT_UP_MILLISECONDS)
        await database.sql`alter table contacts add column if not exists score integer`
        await database.sql`update contacts set score = 7`
        await until(() => caughtUp(database.sql, records), 'the projector has caught up', CAUGHT_UP_MILLISECONDS)
        const before = await compare(database.sql, records)
        const rebuilt = await cli(setting, 'rebuild')
        expect(rebuilt.map(({ changed }) => changed)).toEqual([0, 0, 0])
        expect(await compare(database.sql, records)).toEqual(before)
        const scores = await database.sql`select distinct score from contacts`
        expect(scores.map(({ score }) => score)).toEqual([7])
        expect(await cli(setting, 'faults')).toEqual([])
      } finally {
        await database.close()
        await server.stop()
      }
    },
  )
}

/** Nothing waits, everything was projected once, and the server's own first rebuild is over, which counts what it changed. */
async function caughtUp(sql: Parameters<typeof readRows>[0], records: readonly Trafficked[]): Promise<boolean> {
  const [found] = await sql<{ marks: number; states: number; rebuilding: number }[]>`
    select (select count(*) from rapport.projection_marks)::int as marks,
      (select count(*) from rapport.projection_state where sequence > 0)::int as states,
      (select count(*) from rapport.projection_rebuilds where finished_at is null)::int as rebuilding`
  return found?.marks === 0 && found.rebuilding === 0 && found.states >= records.length
}

/** Fails unless every record's rows are what its replica says; resolves with the rows. */
async function compare(sql: Parameters<typeof readRows>[0], records: readonly Trafficked[]): Promise<readonly unknown[]> {
  const found: unknown[] = []
  for (const { type, id, replicas } of records) {
    const plan = compileShipped().find(({ mapping }) => mapping.recordType === type.name)
    if (plan === undefined) throw new Error(`no mapping for ${type.name}`)
    const key = recordKey(id, DEMO, type.name)
    const [head] = await sql<{ sequence: number }[]>`
      select max(sequence) as sequence from rapport.record_updates
      where tenant = ${key.tenant} and type = ${key.type} and record_id = ${key.id}`
    const projection = forward(plan, { key, sequence: Number(head?.sequence), document: replicas[0] })
    const rows = await readRows(sql, plan, key)
    expect(projection.misfits).toEqual([])
    expect(rows).toEqual(comparableRows(plan, projection))
    found.push(rows)
  }
  return found
}

async function cli(setting: Setting, ...args: string[]): Promise<readonly { readonly changed?: number }[]> {
  const environment = { ...process.env, RAPPORT_DATA_DIR: setting.dataDirectory, DATABASE_URL: setting.databaseUrl ?? '' }
  const { stdout } = await promisify(execFile)(process.execPath, ['server/cli.ts', ...args], { env: environment })
  return JSON.parse(stdout)
}
