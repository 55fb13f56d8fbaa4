/** Several guests and the server on the one session of the embedded database: what each sets and prepares stays its own. */
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../support/postgres.ts'
import {
  bindAndExecute,
  connectRaw,
  frontend,
  openRawPostgres,
  parse,
  type RawPostgres,
  SYNC,
  simpleQuery,
  startupPacket,
} from '../support/raw-postgres.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { until } from '../support/stock-client.ts'

const CONTACT = '01973000-0000-7c00-8000-000000000001'

let server: TestServer
let token: string
let port: number
beforeAll(async () => {
  port = await freePort()
  server = await startTestServer({ RAPPORT_SQL_PORT: String(port) })
  token = await server.token('ann', 'manager')
})
afterAll(() => server.stop())

const openDriver = (more: object = {}): postgres.Sql =>
  postgres({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', max: 1, onnotice: () => undefined, ...more })

let written = 0
/** Makes the server use the session: an edit, committed, and what its tables say of it. */
async function letServerWrite(): Promise<void> {
  const department = `Department ${++written}`
  const answer = await fetch(`http://${server.address}/v1/records/contact/${CONTACT}`, {
    method: 'PATCH',
    headers: { Authorization: `Bearer ${token}` },
    body: JSON.stringify({ fields: { department, birthday: '1980-02-29' } }),
  })
  const { createdAt, updatedAt, content } = (await answer.json()) as { createdAt: string; updatedAt: string; content: object }
  expect([answer.status, content]).toEqual([200, expect.objectContaining({ fields: expect.objectContaining({ department }) })])
  for (const time of [createdAt, updatedAt]) expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(86_400_000)
  expect((await server.get(`/v1/records/contact/${CONTACT}?projected=true`, token)).status).toBe(200)
}

/** Runs it, and gives the printable text of its first row. */
async function firstRow(client: RawPostgres, ...messages: readonly Buffer[]): Promise<string | undefined> {
  client.send(...messages)
  const answers = await client.ready()
  return (
    answers
      .find((answer) => answer.startsWith('D'))
      ?.slice(1)
      .trim() ?? answers.find((answer) => answer.startsWith('E'))
  )
}

describe('settings', () => {
  const SETTINGS: Readonly<Record<string, string>> = {
    lock_timeout: '1ms',
    statement_timeout: '1min',
    default_transaction_read_only: 'on',
    DateStyle: 'German, DMY',
    TimeZone: 'Asia/Tokyo',
    IntervalStyle: 'iso_8601',
    standard_conforming_strings: 'off',
    bytea_output: 'escape',
    search_path: '',
    'rapport.actor': 'a\'b\\ "ä"',
    extra_float_digits: '-15',
  }

  test('of a guest stay its own while it is connected, and break nothing of the server', async () => {
    const [one, other] = [openDriver(), openDriver()]
    const shown = (sql: postgres.Sql) =>
      sql
        .unsafe(`select ${Object.keys(SETTINGS).map((name, n) => `coalesce(current_setting('${name}', true), '') as s${n}`)}`)
        .values()
    const defaults = await shown(other)
    await one.unsafe('create role clerk; grant usage on schema public to clerk')
    for (const [name, value] of Object.entries(SETTINGS)) await one`select set_config(${name}, ${value}, false)`
    await one`set role clerk`
    const set = await shown(one)
    expect(set[0]).not.toEqual(defaults[0])
    for (let round = 0; round < 3; round++) {
      await letServerWrite()
      expect(await shown(other)).toEqual(defaults)
      expect(await shown(one)).toEqual(set)
      expect(await one`select current_user as name`).toEqual([{ name: 'clerk' }])
      expect(await other`select current_user as name`).toEqual([{ name: 'postgres' }])
    }
    await one.end()
    expect(await shown(other)).toEqual(defaults)
    await other.end()
  })

  test('that a start asks for are made, its role included', async () => {
    const sql = openDriver()
    await sql.unsafe('create role reader')
    await sql.end()
    const parameters = { user: 'reader', TimeZone: 'Asia/Tokyo', options: '-c application_name=a\\ b --work-mem=3MB' }
    const client = await connectRaw({ host: '127.0.0.1', port })
    client.send(startupPacket(parameters))
    expect(await client.ready()).toEqual(expect.arrayContaining(['S TimeZone Asia/Tokyo', 'S client_encoding UTF8']))
    await letServerWrite()
    const asked =
      "select session_user, current_setting('TimeZone'), current_setting('application_name'), current_setting('work_mem')"
    expect(await firstRow(client, simpleQuery(asked))).toBe('reader Asia/Tokyo a b 3MB')
    client.socket.destroy()
  })

  test('do not survive their guest, even one that is killed in a transaction', async () => {
    const client = await openRawPostgres({ host: '127.0.0.1', port })
    client.send(simpleQuery("set timezone = 'Asia/Tokyo'"), simpleQuery("begin; set search_path = 'nowhere'; select 1"))
    await client.ready()
    client.socket.resetAndDestroy()
    const sql = openDriver()
    expect(await sql`select current_setting('TimeZone') as zone, current_setting('search_path') as path`).toEqual([
      { zone: 'UTC', path: 'public' },
    ])
    await sql.end()
  })
})

describe('prepared statements', () => {
  const run = (name: string): readonly Buffer[] => [bindAndExecute(name), SYNC]

  test('of two guests may have the same name, and go with them', async () => {
    const [one, other] = [await openRawPostgres({ host: '127.0.0.1', port }), await openRawPostgres({ host: '127.0.0.1', port })]
    one.send(parse('S_1', "select 'of one'"), SYNC)
    other.send(parse('S_1', "select 'of the other'"), SYNC)
    expect([await one.ready(), await other.ready()]).toEqual([
      ['1', 'Z I'],
      ['1', 'Z I'],
    ])
    await letServerWrite()
    expect([await firstRow(one, ...run('S_1')), await firstRow(other, ...run('S_1'))]).toEqual(['of one', 'of the other'])
    expect(await firstRow(one, frontend('C', 'SS_1\0'), ...run('S_1'))).toMatch(/^E .*C26000 /)
    expect(await firstRow(other, ...run('S_1'))).toBe('of the other')
    for (const { socket } of [one, other]) socket.destroy()
    const sql = openDriver({ prepare: false })
    const left = () => sql`select count(*)::int as n from pg_prepared_statements where statement like 'select ''of %'`
    await expect.poll(left, { timeout: 10_000 }).toEqual([{ n: 0 }])
    await sql.end()
  })

  test('without a name never become another one’s', async () => {
    const [one, other] = [await openRawPostgres({ host: '127.0.0.1', port }), await openRawPostgres({ host: '127.0.0.1', port })]
    one.send(parse('', "select 'of one'"), frontend('D', 'S\0'), SYNC)
    await one.ready()
    other.send(parse('', "select 'of the other'"), SYNC)
    await other.ready()
    await letServerWrite()
    expect(await firstRow(one, ...run(''))).toBe('of one')
    expect(await firstRow(other, ...run(''))).toBe('of the other')
    // A simple query ends it, as in any Postgres.
    await firstRow(one, simpleQuery('select 1'))
    await firstRow(other, ...run(''))
    expect(await firstRow(one, ...run(''))).toMatch(/^E .*C26000 /)
    for (const { socket } of [one, other]) socket.destroy()
  })

  test.each(['discard all', 'deallocate all', "do $$ begin execute 'deallocate all'; end $$"])(
    'of the server and of others outlive a guest’s "%s"',
    async (statement) => {
      const [one, other] = [
        await openRawPostgres({ host: '127.0.0.1', port }),
        await openRawPostgres({ host: '127.0.0.1', port }),
      ]
      const sql = openDriver()
      const ask = (n: number) => sql`select ${n}::int as n`
      expect(await ask(1)).toEqual([{ n: 1 }])
      for (const client of [one, other]) {
        client.send(parse('kept', 'select 42'), SYNC)
        await client.ready()
      }
      await letServerWrite()
      for (let round = 0; round < 3; round++) {
        await firstRow(one, simpleQuery(statement))
        expect(await firstRow(one, ...run('kept'))).toMatch(/^E .*C26000 /)
        one.send(parse('kept', 'select 43'), SYNC)
        await one.ready()
        // In a transaction the driver could not prepare again by itself.
        const rows = await sql.begin(async (step) => [...(await step`select 1 as n`), ...(await step`select ${2}::int as n`)])
        expect(rows).toEqual([{ n: 1 }, { n: 2 }])
        await letServerWrite()
        expect(await firstRow(one, ...run('kept'))).toBe('43')
        expect(await firstRow(other, ...run('kept'))).toBe('42')
      }
      await sql.end()
      for (const { socket } of [one, other]) socket.destroy()
    },
  )
})

test('what cannot be kept apart goes with the last guest', async () => {
  await until(async () => {
    const sql = openDriver()
    await sql`create temporary table if not exists alone (n int)`
    await sql.end()
    const another = openDriver()
    const [row] = await another`select to_regclass('pg_temp.alone') as alone`
    await another.end()
    return row?.alone === null
  }, 'guests of earlier tests are gone')
  const left = (sql: postgres.Sql) => sql`
    select to_regclass('pg_temp.passing') is not null as passing,
      (select count(*)::int from pg_cursors where name = 'held') as cursors,
      (select count(*)::int from pg_prepared_statements where from_sql) as prepared,
      (select count(*)::int from pg_locks where locktype = 'advisory') as locks`
  const one = openDriver()
  await one.unsafe(`create temporary table passing (n int); prepare "a b" as select 1; select pg_advisory_lock(7);
    declare held cursor with hold for select 1`)
  expect(await left(one)).toEqual([{ passing: true, cursors: 1, prepared: 1, locks: 1 }])
  await one.end()
  const other = openDriver()
  expect(await left(other)).toEqual([{ passing: false, cursors: 0, prepared: 0, locks: 0 }])
  await other.end()
})
