import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSigningKey } from '../../server/auth/signing-key.ts'
import { createVerifier } from '../../server/auth/tokens.ts'
import { MAIN, testEnvironment } from '../support/data-folder.ts'
import { openEmbeddedForTest, type TestDatabase } from '../support/database.ts'
import { startServer } from '../support/server-process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Through npm, as a user would. */
function cli(dataDirectory: string, ...args: string[]): Promise<Outcome> {
  const env = { ...process.env, RAPPORT_DATA_DIR: dataDirectory, DATABASE_URL: '' }
  return new Promise((resolve) => {
    execFile('npm', ['run', '--silent', 'cli', '--', ...args], { cwd: root, env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

describe('token', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rapport-cli-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('prints a token alone, that the key of the same data folder verifies, with no server running', async () => {
    const args = ['--tenant', 'demo', '--sub', 'ada', '--role', 'rep', '--role', 'manager', '--team', 'north', '--ttl', '60']
    const { code, stdout, stderr } = await cli(folder, 'token', ...args)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^\S+\n$/)
    const answer = await createVerifier(await openSigningKey(folder), 'rapport')(stdout.trim())
    expect(answer).toMatchObject({
      type: 'verified',
      principal: { tenant: 'demo', sub: 'ada', roles: ['rep', 'manager'], teams: ['north'] },
    })
  })

  test.each([
    [['--sub', 'ada', '--role', 'rep'], '--tenant'],
    [['--tenant', 'demo', '--role', 'rep'], '--sub'],
    [['--tenant', 'demo', '--sub', 'rapport', '--role', 'rep'], '--sub'],
    [['--tenant', 'demo', '--sub', 'ada', '--role', 'king'], '--role'],
    [['--tenant', 'demo', '--sub', 'ada', '--role', 'rep', '--ttl', 'soon'], '--ttl'],
    [['--tenant', 'demo', '--sub', 'ada', '--nonsense'], '--nonsense'],
  ])('refuses %j with one line on stderr and exit 1', async (args, named) => {
    const { code, stdout, stderr } = await cli(folder, 'token', ...args)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^[^\n]+\n$/)
    expect(stderr).toContain(named)
  })
})

describe('sql', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openEmbeddedForTest()
  })
  afterAll(() => rm(database.dataDirectory, { recursive: true, force: true }))

  test('runs beside the process that has the database open, and prints rows as a JSON array', async () => {
    const statement = "select 'ada' as name, 1::bigint as one, '\\x00ff'::bytea as bytes, null as nothing"
    const { code, stdout, stderr } = await cli(database.dataDirectory, 'sql', statement)
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toEqual([{ name: 'ada', one: 1, bytes: '\\x00ff', nothing: null }])
    expect(await database.sql`select 1 as still`).toEqual([{ still: 1 }])
  })

  test('prints values so that nothing of them is lost, and a date without a time', async () => {
    const values: readonly (readonly [literal: string, printed: unknown])[] = [
      ["'2026-02-28'::date", '2026-02-28'],
      ["'0001-01-01'::date", '0001-01-01'],
      ["'{2026-02-28,1999-12-31}'::date[]", ['2026-02-28', '1999-12-31']],
      ["'2026-02-28 23:30:00.123+02'::timestamptz", '2026-02-28T21:30:00.123Z'],
      ['1250.5::numeric(19,4)', '1250.5000'],
      ['123456789012345678901234567890.5', '123456789012345678901234567890.5'],
      ['9007199254740991::bigint', 9_007_199_254_740_991],
      ['-1', -1],
      ['0.1::float8', 0.1],
      ['true', true],
      ["'01973000-0000-7c00-8000-000000000001'::uuid", '01973000-0000-7c00-8000-000000000001'],
      [`'{"a": [1, null, "x"]}'::jsonb`, { a: [1, null, 'x'] }],
      [`'{a,"b c"}'::text[]`, ['a', 'b c']],
      ["'1 day 02:00'::interval", '1 day 02:00:00'],
      ['null::date', null],
    ]
    const columns = values.map(([literal], index) => `${literal} as column_${index}`)
    const { code, stdout, stderr } = await cli(database.dataDirectory, 'sql', `select ${columns.join(', ')}`)
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toEqual([Object.fromEntries(values.map(([, printed], index) => [`column_${index}`, printed]))])
  })

  test('leaves no setting behind in the session that it shares with the server', async () => {
    for (const statement of ['set statement_timeout = 1', 'set default_transaction_read_only = on']) {
      expect(await cli(database.dataDirectory, 'sql', statement)).toMatchObject({ code: 0, stdout: '[]\n' })
    }
    expect(await database.sql`select current_setting('statement_timeout') as limit`).toEqual([{ limit: '0' }])
    expect(await database.sql`select current_setting('transaction_read_only') as only`).toEqual([{ only: 'off' }])
  })

  test('answers a wrong statement with one line on stderr and exit 1', async () => {
    expect(await cli(database.dataDirectory, 'sql', 'selec')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^[^\n]*selec[^\n]*\n$/),
    })
  })

  test.each([
    'copy copied from stdin',
    'copy (select 1) to stdout',
    "copy (select repeat('x', 100) from generate_series(1, 20000)) to stdout",
  ])('refuses to copy in one line, and the server beside it notices nothing: %s', async (statement) => {
    const { dataDirectory, sql } = database
    const started = () => sql`select pg_postmaster_start_time()::text as at`
    await sql`create table if not exists public.copied (n int)`
    const before = await started()
    expect(await cli(dataDirectory, 'sql', statement)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^[^\n]*copy[^\n]*\n$/i),
    })
    expect(await sql`select * from public.copied`).toEqual([])
    // The session would have been started anew.
    expect(await started()).toEqual(before)
  })

  test('opens the database itself where nobody has it open', async () => {
    const { dataDirectory } = database
    await database.sql`create table public.kept as select 7 as n`
    await database.release()
    const { code, stdout } = await cli(dataDirectory, 'sql', 'select n from kept')
    expect([code, JSON.parse(stdout)]).toEqual([0, [{ n: 7 }]])
  })
})

test('a failure outside of what is awaited is one line too: nobody reads the result', async () => {
  const child = spawn(process.execPath, ['server/cli.ts', 'help'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes.toString()
  })
  const [code] = await once(child, 'close')
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^[^\n]*EPIPE[^\n]*\n$/)])
})

describe('a data folder that cannot be one', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rapport-cli-'))
    await writeFile(join(folder, 'file'), '')
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  // /proc answers ENOENT for a new folder, which Node's recursive mkdir takes for a missing parent, for ever.
  const places = () => [
    join(folder, 'file'),
    join(folder, 'file', 'below'),
    ...(process.platform === 'linux' ? ['/proc/nope'] : []),
  ]
  const token = ['token', '--tenant', 'demo', '--sub', 'ada', '--role', 'rep']
  test.each([token, ['sql', 'select 1']])('ends %s with one sentence that names the variable', async (...args) => {
    for (const place of places()) {
      const { code, stdout, stderr } = await cli(place, ...args)
      expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(/^RAPPORT_DATA_DIR[^\n]*\.\n$/)])
    }
  })

  test('ends the start of a server with that sentence', async () => {
    for (const place of places()) {
      const start = startServer(MAIN, testEnvironment(place))
      await expect(start).rejects.toThrow(/ended before it listened\nRAPPORT_DATA_DIR[^\n]*\.\n$/)
    }
  })
})

test('an unknown command is refused, and none prints the help', async () => {
  expect(await cli(tmpdir(), 'nonsense')).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^[^\n]+\n$/) })
  expect(await cli(tmpdir())).toMatchObject({ code: 0, stdout: expect.stringContaining('token --tenant') })
})
