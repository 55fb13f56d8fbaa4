/** RAPPORT_SQL_PORT: drivers at the embedded database beside a running server, and what they cannot do to it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openDatabase } from '../../server/db.ts'
import { createLogger } from '../../server/observability/logger.ts'
import { copyFolder, MAIN, testEnvironment } from '../support/data-folder.ts'
import { freePort } from '../support/postgres.ts'
import { connectRaw, FLUSH, openRawPostgres, parse, simpleQuery, startupPacket } from '../support/raw-postgres.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { startServer } from '../support/server-process.ts'
import { openStock, until } from '../support/stock-client.ts'

const CONTACT = '01973000-0000-7c00-8000-000000000001'
/** Another loopback address than the one that the port is always on. */
const HOST = process.platform === 'linux' ? '127.0.0.2' : '127.0.0.1'

let server: TestServer
let token: string
let port: number
beforeAll(async () => {
  port = await freePort()
  server = await startTestServer({ RAPPORT_SQL_PORT: String(port), HOST })
  token = await server.token('ann', 'manager')
})
afterAll(() => server.stop())

/** A pool as any program would open it. */
function openDriver(max = 1): postgres.Sql {
  return postgres({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', max, onnotice: () => undefined })
}

const patch = (fields: object): Promise<Response> =>
  fetch(`http://${server.address}/v1/records/contact/${CONTACT}`, {
    method: 'PATCH',
    headers: { Authorization: `Bearer ${token}` },
    body: JSON.stringify({ fields }),
  })

describe('RAPPORT_SQL_PORT', () => {
  test('lets a driver read the rows and write to tables of its own', async () => {
    const sql = openDriver()
    const [row] = await sql`select tenant, type, id from rapport.records where id = ${CONTACT}`
    expect(row).toEqual({ tenant: 'demo', type: 'contact', id: CONTACT })
    await sql`create table public.scores (contact text primary key, score int, at timestamptz)`
    await sql`insert into public.scores ${sql([{ contact: CONTACT, score: 7, at: new Date(0) }])}`
    expect(await sql`select * from public.scores`).toEqual([{ contact: CONTACT, score: 7, at: new Date(0) }])
    await sql.end()
  })

  test('lets connections take turns: nobody sees half a transaction of another', async () => {
    const [one, other] = [openDriver(), openDriver()]
    await one`create table public.turns (n int)`
    const order: string[] = []
    const writing = one.begin(async (step) => {
      await step`insert into public.turns values (1)`
      order.push('half')
      await new Promise((resolve) => setTimeout(resolve, 100))
      await step`insert into public.turns values (2)`
      order.push('whole')
    })
    await until(() => order.length > 0, 'the transaction is open')
    const reading = other`select n from public.turns order by n`.then((rows) => {
      order.push('read')
      return rows
    })
    await writing
    expect(await reading).toEqual([{ n: 1 }, { n: 2 }])
    expect(order).toEqual(['half', 'whole', 'read'])
    const failing = one.begin(async (step) => {
      await step`insert into public.turns values (3)`
      await step`select 1 / 0`
    })
    await expect(failing).rejects.toMatchObject({ code: '22012' })
    expect(await other`select count(*)::int as n from public.turns`).toEqual([{ n: 2 }])
    await Promise.all([one.end(), other.end()])
  })

  test.runIf(process.platform === 'linux')('is on 127.0.0.1, whatever HOST is, and off unless it is set', async () => {
    const plain = await startTestServer()
    expect(await listening(plain.pid)).toEqual([plain.address])
    await plain.stop()
    expect(await listening(server.pid)).toEqual([`127.0.0.1:${port}`, server.address].sort())
  })

  test('that is taken ends the start with one sentence that names it', async () => {
    const dataDirectory = await copyFolder(inject('preparedFolder'))
    const start = startServer(MAIN, { ...testEnvironment(dataDirectory), RAPPORT_SQL_PORT: String(port) })
    await expect(start).rejects.toThrow(/ended before it listened\nRapport cannot start:[^\n]*RAPPORT_SQL_PORT[^\n]*\.\n$/)
    // Nothing is left behind that would keep the next start from the folder.
    const another = await startServer(MAIN, { ...testEnvironment(dataDirectory), RAPPORT_SQL_PORT: String(await freePort()) })
    await another.stop()
    await rm(dataDirectory, { recursive: true, force: true })
  })

  test('closes with the server, whoever is connected', async () => {
    const own = await freePort()
    const stopping = await startTestServer({ RAPPORT_SQL_PORT: String(own) })
    const client = await openRawPostgres({ host: '127.0.0.1', port: own })
    client.send(simpleQuery('begin'))
    await client.ready()
    await stopping.stop()
    await client.closed
    await expect(connectRaw({ host: '127.0.0.1', port: own })).rejects.toThrow('ECONNREFUSED')
  })
})

describe('P10: a connection that holds the session and is silent', () => {
  const IDLE = expect.stringMatching(/^E SFATAL VFATAL C25P03 M\S.*$/)

  test('is ended with 25P03 and rolled back, and what phones and REST wrote meanwhile succeeds', async () => {
    const phone = openStock(server.address, 'contact', CONTACT, { token })
    await phone.synced()
    const sql = openDriver()
    await sql`create table public.rolled_back (n int)`
    const client = await openRawPostgres({ host: '127.0.0.1', port })
    client.send(simpleQuery('begin; insert into public.rolled_back values (1)'))
    expect((await client.ready()).at(-1)).toBe('Z T')
    let heldOff = true
    const patched = patch({ department: 'Waited' }).then((answer) => [answer.status, heldOff])
    phone.doc.getMap('fields').set('title', 'Waited too')
    const last = await client.closed.then((answers) => {
      heldOff = false
      return answers
    })
    expect(last).toEqual([IDLE])
    expect(await patched).toEqual([200, false])
    const stored = async (): Promise<unknown> => {
      const { content } = (await (await server.get(`/v1/records/contact/${CONTACT}`, token)).json()) as {
        content: { fields: object }
      }
      return content.fields
    }
    await expect.poll(stored, { timeout: 10_000 }).toMatchObject({ department: 'Waited', title: 'Waited too' })
    expect(await sql`select * from public.rolled_back`).toEqual([])
    await sql.end()
    phone.destroy()
  })

  test('is ended as well if it has sent half a batch, through the Unix socket too', async () => {
    const client = await openRawPostgres({ path: join(server.dataDirectory, 'database', 'socket') })
    client.send(parse('half', 'select 1'), FLUSH)
    await until(() => client.socket.bytesRead > 0, 'it is parsed')
    const sql = openDriver()
    expect(await sql`select 1 as after`).toEqual([{ after: 1 }])
    expect(await client.closed).toEqual(['1', IDLE])
    await sql.end()
  })

  test('holds nobody up once its process is killed', async () => {
    const dataDirectory = await mkdtemp(join(tmpdir(), 'rapport-data-'))
    const own = await freePort()
    const limits: unknown[] = []
    const log = Object.assign(createLogger('silent'), { warn: (what: unknown) => limits.push(what) })
    const database = await openDatabase({ databaseUrl: undefined, dataDirectory, sqlPort: own }, log)
    await database.sql`create table public.killed (n int)`
    const child = holdTransaction(own)
    await once(child.stdout ?? child, 'data')
    const waiting = database.sql`select * from public.killed`
    child.kill('SIGKILL')
    expect(await waiting).toEqual([])
    // It did not take the limit for those who are silent.
    expect(limits).toEqual([])
    await database.close()
    await rm(dataDirectory, { recursive: true, force: true })
  })
})

test('a session that a guest breaks down is back by itself on the same port, with all that was committed', async () => {
  expect((await patch({ department: 'Before' })).status).toBe(200)
  const sql = openDriver()
  const started = () => sql`select pg_postmaster_start_time()::text as at`.catch(() => undefined)
  const before = await started()
  // Overflows the stack of the WebAssembly module.
  await expect(sql.unsafe(`select '${'['.repeat(200_000)}'::jsonb`)).rejects.toThrow()
  await expect
    .poll(started, { timeout: 30_000, interval: 100 })
    .toEqual([{ at: expect.not.stringMatching(`^${before?.[0]?.at}$`) }])
  await sql.end()
  const write = () => patch({ department: 'After' }).then(({ status }) => status)
  await expect.poll(write, { timeout: 30_000, interval: 200 }).toBe(200)
})

describe('P10: a connection that', () => {
  const served = async (): Promise<unknown> => {
    const sql = openDriver()
    const rows = await sql`select 1 as served`
    await sql.end()
    return [...rows]
  }

  test.each([
    ['sends a message of no known type', Buffer.from('Zxxxx'), '08P01'],
    [
      'sends a Sync with a body too long for one',
      Buffer.concat([Buffer.from([0x53, 0, 0, 0x30, 0]), Buffer.alloc(0x3000)]),
      '08P01',
    ],
    ['sends an absurd length', Buffer.from([0x51, 0xff, 0xff, 0xff, 0xff]), '08P01'],
  ])('%s is ended, and the others go on', async (_what, bytes, state) => {
    const client = await openRawPostgres({ host: '127.0.0.1', port })
    client.send(simpleQuery('select 1'), bytes)
    const answers = await client.closed
    expect(answers.map((answer) => answer[0]).join('')).toBe('TDCZE')
    expect(answers.at(-1)).toContain(`C${state} `)
    expect(await served()).toEqual([{ served: 1 }])
  })

  test.each([
    ['another database', { database: 'other' }, '3D000'],
    ['a role that does not exist', { user: 'nobody' }, '22023'],
    ['an encoding that there is not', { client_encoding: 'LATIN1' }, '22023'],
    ['replication', { replication: 'true' }, '0A000'],
    ['a setting that does not exist', { options: '-c nonsense=1' }, '42704'],
    ['a setting that cannot be so', { TimeZone: 'Nowhere' }, '22023'],
  ])('asks for %s is told so', async (_what, parameters, state) => {
    const client = await connectRaw({ host: '127.0.0.1', port })
    client.send(startupPacket(parameters))
    expect(await client.closed).toEqual([expect.stringMatching(new RegExp(`^E .*C${state} `))])
    expect(await served()).toEqual([{ served: 1 }])
  })

  test('is one too many is told so, and another gets its place', async () => {
    const clients = await Promise.all(Array.from({ length: 32 }, () => openRawPostgres({ host: '127.0.0.1', port })))
    const late = await connectRaw({ host: '127.0.0.1', port })
    late.send(startupPacket())
    expect(await late.closed).toEqual([expect.stringContaining('C53300 ')])
    clients.pop()?.send(simpleQuery('select 1'), Buffer.from('X\0\0\0\u0004'))
    await expect.poll(() => served().catch((error: { code: string }) => error.code), { timeout: 10_000 }).toEqual([{ served: 1 }])
    for (const client of clients) client.socket.destroy()
  })
})

/** A process of its own that opens a transaction, says so, and waits. */
function holdTransaction(at: number): ChildProcess {
  const script = `
    import postgres from 'postgres'
    const sql = postgres({ host: '127.0.0.1', port: ${at}, user: 'postgres', database: 'postgres', max: 1 })
    await sql.begin(async (step) => {
      await step\`insert into public.killed values (1)\`
      console.log('open')
      await new Promise((resolve) => setTimeout(resolve, 60_000))
    })`
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  return spawn(process.execPath, ['--input-type=module', '-e', script], { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Addresses on which a process listens for TCP over IPv4, as Linux tells them. */
async function listening(pid: number): Promise<readonly string[]> {
  const names = await readdir(`/proc/${pid}/fd`)
  const opened = await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')))
  const sockets = (await readFile(`/proc/${pid}/net/tcp`, 'utf8')).split('\n').map((line) => line.trim().split(/\s+/))
  const own = sockets.filter(([, , , state, , , , , , inode]) => state === '0A' && opened.includes(`socket:[${inode}]`))
  return own.map(([, address = '']) => addressOf(address)).sort()
}

/** From a little-endian address and a port in hexadecimal digits. */
function addressOf(text: string): string {
  const [address = '', at = ''] = text.split(':')
  return `${Buffer.from(address, 'hex').reverse().join('.')}:${Number.parseInt(at, 16)}`
}
