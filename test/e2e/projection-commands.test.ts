import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'
import { until } from '../support/stock-client.ts'

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function cli(dataDirectory: string, ...args: string[]): Promise<Outcome> {
  const env = { ...process.env, RAPPORT_DATA_DIR: dataDirectory, DATABASE_URL: '', LOG_LEVEL: 'error' }
  return new Promise((resolve) => {
    execFile(process.execPath, ['server/cli.ts', ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

describe('beside a running server', () => {
  let server: TestServer
  let token: string
  beforeAll(async () => {
    server = await startTestServer()
    token = await server.token('ann')
  })
  afterAll(() => server.stop())

  const send = (method: string, path: string, body: object): Promise<Response> =>
    fetch(`http://${server.address}/v1/records/contact${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
  const json = async (...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await cli(server.dataDirectory, ...args)
    expect([code, stderr]).toEqual([0, ''])
    return JSON.parse(stdout)
  }
  const metrics = async (): Promise<string> => await (await server.get('/metrics')).text()

  test('the samples have rows, and a rebuild finds nothing to do', async () => {
    await until(async () => /^rapport_projection_lag_seconds 0$/m.test(await metrics()), 'all is projected')
    const counts = (await json('sql', 'select count(*)::int as rows from contacts')) as { rows: number }[]
    expect(counts[0]?.rows).toBeGreaterThan(5)
    const summary = (await json('rebuild')) as { mapping: string; seen: number; changed: number; faults: number }[]
    expect(summary.map(({ mapping, changed, faults }) => ({ mapping, changed, faults }))).toEqual(
      ['account', 'contact', 'opportunity'].map((mapping) => ({ mapping, changed: 0, faults: 0 })),
    )
    expect(summary[1]?.seen).toBe(counts[0]?.rows)
    expect(await json('faults')).toEqual([])
  })

  test('a constraint added by hand blocks one record, which says why in faults, metrics and 504, and heals when it is dropped', async () => {
    await json('sql', "alter table contacts add constraint no_vip check (title <> 'Emperor')")
    expect((await send('POST', '', { id: 'emperor', content: { fields: { title: 'Emperor' } } })).status).toBe(201)
    expect((await send('POST', '', { id: 'citizen', content: { fields: { title: 'Citizen' } } })).status).toBe(201)
    expect((await server.get('/v1/records/contact/citizen?projected=true', token)).status).toBe(200)
    expect(await json('sql', "select id, title from contacts where id in ('emperor', 'citizen')")).toEqual([
      { id: 'citizen', title: 'Citizen' },
    ])
    expect(await json('faults')).toEqual([
      {
        tenant: 'demo',
        type: 'contact',
        id: 'emperor',
        mapping: 'contact',
        fault: 'The database refuses the rows: check_violation (23514), table contacts, constraint no_vip.',
        since: expect.any(String),
        attempts: expect.any(Number),
        nextTry: expect.any(String),
        misfits: [],
      },
    ])
    await until(async () => (await metrics()).includes('rapport_projection_faults{type="contact"} 1'), 'it is counted')
    expect(await metrics()).not.toContain('Emperor')
    expect((await server.get('/v1/records/contact/emperor?projected=true', token)).status).toBe(504)
    await json('sql', 'alter table contacts drop constraint no_vip')
    await until(async () => ((await json('faults')) as unknown[]).length === 0, 'it heals', 20_000)
    expect(await json('sql', "select title from contacts where id = 'emperor'")).toEqual([{ title: 'Emperor' }])
  })

  test('values that fit no column are listed by their paths alone', async () => {
    const created = { id: 'odd', content: { fields: { firstName: 'Odd' } } }
    expect((await send('POST', '', created)).status).toBe(201)
    expect((await server.get('/v1/records/contact/odd?projected=true', token)).status).toBe(200)
    await json(
      'sql',
      `update rapport.projection_state set misfits = '[["fields", "birthday"]]' where record_id = 'odd' and type = 'contact'`,
    )
    expect(await json('faults')).toMatchObject([{ id: 'odd', fault: null, since: null, misfits: [['fields', 'birthday']] }])
    const rebuilt = (await json('rebuild', 'contact')) as { mapping: string; changed: number }[]
    expect(rebuilt).toMatchObject([{ mapping: 'contact', changed: 0 }])
    expect(await json('faults')).toEqual([])
  })

  test('damage done by hand is mended while the server runs', async () => {
    // As the projector itself would write it: what anybody else does to a mapped column is an edit.
    const silently = "(select set_config('rapport.projecting', 'on', true)) as silence"
    await json('sql', `update contacts set last_name = 'damaged' from ${silently}`)
    await json('sql', `delete from contact_emails using ${silently} where tenant = 'demo'`)
    const [summary] = (await json('rebuild', 'contact')) as { seen: number; changed: number }[]
    expect(summary?.changed).toBe(summary?.seen)
    expect(await json('sql', "select count(*)::int as damaged from contacts where last_name = 'damaged'")).toEqual([
      { damaged: 0 },
    ])
    expect(await json('rebuild', 'contact')).toMatchObject([{ changed: 0 }])
    expect(await json('rebuild', '--anew', 'contact')).toMatchObject([{ changed: 0, seen: summary?.seen }])
  })
})

describe('with no server running', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rapport-cli-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('a rebuild of nothing, and no faults', async () => {
    expect(await cli(folder, 'rebuild', 'account')).toEqual({
      code: 0,
      stdout: '[{"mapping":"account","type":"account","seen":0,"changed":0,"faults":0}]\n',
      stderr: '',
    })
    expect(await cli(folder, 'faults')).toEqual({ code: 0, stdout: '[]\n', stderr: '' })
  })

  test.each([
    [['rebuild', 'nonsense'], 'There is no record type of that name.\n'],
    [['rebuild', '__proto__'], 'There is no record type of that name.\n'],
    [['rebuild', 'contact', 'account'], 'rebuild takes one record type, or none for all.\n'],
    [['faults', 'contact'], 'faults takes no arguments.\n'],
  ])('%j is refused in one sentence', async (args, sentence) => {
    expect(await cli(folder, ...args)).toEqual({ code: 1, stdout: '', stderr: sentence })
  })
})
