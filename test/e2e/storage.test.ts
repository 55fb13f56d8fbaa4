import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { joinDatabase, openDatabase } from '../../server/db.ts'
import { classifyFailure } from '../../server/log/failures.ts'
import { openEmbeddedForTest, silent, sqlStoreUnderTest, type TestDatabase } from '../support/database.ts'
import { entryOf, freshTenant, recordKey } from '../support/entries.ts'
import { describeFindings } from '../support/findings-contract.ts'
import { describeLogStore } from '../support/log-store-contract.ts'
import { describePoisonedGroup } from '../support/poisoned-group.ts'
import { describeReviewStore } from '../support/review-store-contract.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openEmbeddedForTest()
})
afterAll(() => database.close())

describeLogStore('the embedded database', () => sqlStoreUnderTest(database.sql))
describeFindings('the embedded database', () => sqlStoreUnderTest(database.sql))
describeReviewStore('the embedded database', () => database.sql)
describePoisonedGroup('the embedded database', () => database.sql)

describe('the one session of the embedded database', () => {
  test('P1: a statement that fails on one connection undoes nothing on another', async () => {
    const { sql } = database
    const { store } = sqlStoreUnderTest(sql)
    const tenant = freshTenant()
    const work = Array.from({ length: 120 }, async (_, index) => {
      if (index % 3 === 0) return await sql`select 1 / ${0}::int`.catch((error: { code: string }) => error.code)
      if (index % 3 === 1) {
        return await sql.begin(async (step) => {
          const [one] = await step<{ n: number }[]>`select ${index}::int as n`
          const [two] = await step<{ n: number }[]>`select ${index}::int + 1 as n`
          return [one?.n, two?.n]
        })
      }
      const entry = entryOf(recordKey(`r${index}`, tenant))
      return (await store.insert([entry])).has(entry.id)
    })
    const answers = await Promise.all(work)
    expect(answers).toEqual(answers.map((_, index) => (index % 3 === 0 ? '22012' : index % 3 === 1 ? [index, index + 1] : true)))
    expect(await store.page(tenant, 'contact', '', 200)).toHaveLength(40)
  })

  test('a connection that breaks inside a transaction leaves nothing behind and stops nobody', async () => {
    const { sql, dataDirectory } = database
    const other = await joinDatabase({ databaseUrl: undefined, dataDirectory }, silent)
    const broken = other.sql.begin(async (step) => {
      await step`insert into rapport.quarantine (tenant, id, type, record_id, reason, author_sub, author_role, at, bytes)
        values ('broken', gen_random_uuid(), 't', 'r', '', '', '', now(), '')`
      await other.sql.end({ timeout: 0 })
      await step`select 1`
    })
    await expect(broken).rejects.toThrow()
    expect(await sql`select 1 from rapport.quarantine where tenant = 'broken'`).toHaveLength(0)
  })
})

test('a session that breaks down fails its statements, and is back by itself with everything that was committed', async () => {
  const { sql } = database
  const { store } = sqlStoreUnderTest(sql)
  const entry = entryOf(recordKey())
  await store.insert([entry])
  // Overflows the stack of the WebAssembly module, which then owes the answer.
  const breaking = sql.unsafe(`select '${'['.repeat(200_000)}'::jsonb`)
  const beside = Promise.allSettled([store.stored([entry]), store.stored([entry])])
  const failure = await breaking.catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(Error)
  expect(classifyFailure(failure)).toBe('transient')
  await beside
  const stored = () => store.stored([entry]).catch(() => undefined)
  await expect.poll(stored, { timeout: 30_000, interval: 100 }).toEqual(new Set([entry.id]))
})

describe('the data folder', () => {
  const start = (folder: string) =>
    spawn(process.execPath, [fileURLToPath(new URL('../support/open-database.ts', import.meta.url)), folder], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  const firstLine = async (stream: NodeJS.ReadableStream): Promise<string> => String((await once(stream, 'data'))[0]).trim()

  test('has one opener; the second is told in one sentence which process that is', async () => {
    const second = openDatabase({ databaseUrl: undefined, dataDirectory: database.dataDirectory }, silent)
    await expect(second).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining(`process ${process.pid}`),
    })
    const child = start(database.dataDirectory)
    const [line, [code]] = await Promise.all([firstLine(child.stderr), once(child, 'exit')])
    expect([line, code]).toEqual([expect.stringMatching(new RegExp(`in use by process ${process.pid};.*\\.$`)), 1])
  })

  test('that a starting server holds is waited for by a command', async () => {
    const dataDirectory = await mkdtemp(join(tmpdir(), 'rapport-data-'))
    const starting = openDatabase({ databaseUrl: undefined, dataDirectory }, silent)
    const joined = await joinDatabase({ databaseUrl: undefined, dataDirectory }, silent)
    expect(await joined.sql`select 1 as n`).toEqual([{ n: 1 }])
    await joined.close()
    await (await starting).close()
    await rm(dataDirectory, { recursive: true, force: true })
  })

  test('is readable by its owner alone', async () => {
    const folder = join(database.dataDirectory, 'database')
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, 'socket'))).mode & 0o777).toBe(0o600)
    expect(JSON.parse(await readFile(join(folder, 'owner.json'), 'utf8'))).toEqual({
      pid: process.pid,
      socket: join(folder, 'socket'),
    })
  })

  test('P1: opens again with all that was acknowledged, after SIGKILL and after a clean close, even where its path is too long for a socket', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'rapport-data-'))
    const dataDirectory = join(parent, 'x'.repeat(90))
    const child = start(dataDirectory)
    const acknowledged: string[] = []
    child.stdout.on('data', (bytes: Buffer) => acknowledged.push(...bytes.toString().split('\n').filter(Boolean)))
    while (acknowledged.length < 40) await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')
    for (const _ of ['after the kill', 'after a clean close']) {
      const reopened = await openDatabase({ databaseUrl: undefined, dataDirectory }, silent)
      const rows = await reopened.sql<{ entry: string }[]>`select entry from rapport.record_updates`
      expect(rows.map((row) => row.entry)).toEqual(expect.arrayContaining(acknowledged))
      const journal = await reopened.sql`select hash from rapport.migrations group by hash having count(*) > 1`
      expect(journal).toEqual([])
      await reopened.close()
    }
    await rm(parent, { recursive: true, force: true })
  })
})

test('a bigint is a number, and one beyond 2^53 is refused and not rounded', async () => {
  expect(await database.sql`select 9007199254740991::bigint as n`).toEqual([{ n: Number.MAX_SAFE_INTEGER }])
  const failure = await database.sql`select 9007199254740993::bigint as n`.catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(RangeError)
  expect(classifyFailure(failure)).toBe('transient')
  expect(await database.sql`select 1 as n`).toEqual([{ n: 1 }])
})
