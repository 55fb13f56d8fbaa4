/**
 * Edits many records at a steady rate through sockets, changes some of their rows with SQL meanwhile, and finds out afterwards how long it took
 * until rows showed each edit, and as it goes how long until a socket showed what SQL wrote. A process of its own.
 */
import { randomInt, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { connectSync, type SyncSocket } from '../../test/support/sync-socket.ts'
import { prepareEditor } from '../editors.ts'
import { percentiles } from '../statistics.ts'
import type { LagJob, LagMessage, LagResult } from './messages.ts'

type Sql = ReturnType<typeof connect>

interface Open {
  readonly id: string
  readonly socket: SyncSocket
  readonly frames: readonly Uint8Array[]
  readonly expects: Expectation
}

/** What SQL wrote into the row and the socket has not shown yet, and when it was sent. */
interface Expectation {
  awaited?: { readonly mark: Buffer; readonly at: number }
}

const CONNECTING_AT_ONCE = 50
/** How long rows may trail behind the last edit, in milliseconds. */
const SETTLE_LIMIT = 60_000

function connect(url: string) {
  return postgres(url, { max: 4, onnotice: () => undefined })
}

function tell(message: LagMessage): void {
  process.send?.(message)
}

function hear(): Promise<unknown> {
  return new Promise((resolve) => process.once('message', resolve))
}

async function openAll(job: LagJob, run: string, shown: (milliseconds: number) => void): Promise<readonly Open[]> {
  const edits = Math.ceil(((job.warmUpSeconds + job.seconds) * job.editsPerSecond) / job.records) + 1
  const opened: Open[] = []
  while (opened.length < job.records) {
    const batch = Array.from({ length: Math.min(CONNECTING_AT_ONCE, job.records - opened.length) }, (_, n) => opened.length + n)
    opened.push(...(await Promise.all(batch.map((n) => openOne(job, `${run}-${n}`, edits, shown)))))
  }
  return opened
}

async function openOne(job: LagJob, id: string, edits: number, shown: (milliseconds: number) => void): Promise<Open> {
  const { frames } = prepareEditor(randomInt(1, 2 ** 32), edits)
  const expects: Expectation = {}
  const events = {
    update(bytes: Uint8Array): void {
      if (expects.awaited === undefined || !Buffer.from(bytes).includes(expects.awaited.mark)) return
      shown(performance.now() - expects.awaited.at)
      delete expects.awaited
    },
    lost(reason: string): void {
      throw new Error(`${id}: ${reason}`)
    },
  }
  const socket = await connectSync(`${job.address}/sync/contact/${id}?token=${job.token}`, events, 'empty')
  return { id, socket, frames, expects }
}

/** Round-robin, so that two edits of one record are as far apart as they can be. Resolves with how many were sent. */
async function edit(records: readonly Open[], from: number, perSecond: number, seconds: number): Promise<number> {
  const start = performance.now()
  const total = perSecond * seconds
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - start) * perSecond) / 1_000))
    for (; sent < due; sent += 1) {
      const place = from + sent
      const record = records[place % records.length]
      const frame = record?.frames[Math.floor(place / records.length)]
      if (frame !== undefined) record?.socket.send(frame)
    }
    await sleep(1)
  }
  return total
}

/** One row at a time, from everywhere in the table. */
async function write(sql: Sql, records: readonly Open[], perSecond: number, seconds: number): Promise<readonly number[]> {
  const taken: number[] = []
  const pending: Promise<unknown>[] = []
  const start = performance.now()
  for (let sent = 0; sent < perSecond * seconds; sent += 1) {
    await sleep(Math.max(0, start + (sent * 1_000) / perSecond - performance.now()))
    const record = records[(sent * 7_919) % records.length]
    if (record === undefined || record.expects.awaited !== undefined) continue
    const title = `written ${randomUUID()}`
    const at = performance.now()
    record.expects.awaited = { mark: Buffer.from(title), at }
    const done = sql`update contacts set title = ${title} where tenant = 'bench' and id = ${record.id}`.then(({ count }) => {
      taken.push(performance.now() - at)
      // Its row was not there yet.
      if (count === 0) delete record.expects.awaited
    })
    pending.push(done)
  }
  await Promise.all(pending)
  return taken
}

async function settled(sql: Sql, run: string): Promise<boolean> {
  const deadline = performance.now() + SETTLE_LIMIT
  for (;;) {
    const waiting =
      await sql`select 1 from rapport.projection_marks where tenant = 'bench' and record_id like ${`${run}-%`} limit 1`
    if (waiting.length === 0) return true
    if (performance.now() > deadline) return false
    await sleep(100)
  }
}

/** Each entry of these milliseconds of wall time against the first event that holds it: the two are stamped by the same clock. */
async function lags(sql: Sql, run: string, from: number, to: number): Promise<readonly number[]> {
  const rows = await sql<{ lag: number }[]>`
    select extract(epoch from first.at - u.at)::float8 * 1000 as lag
    from rapport.record_updates u
    cross join lateral (
      select min(o.at) as at from rapport.outbox o
      where o.tenant = 'bench' and o.aggregatetype = 'contact' and o.aggregateid = u.record_id
        and (o.payload->>'documentSequence')::bigint >= u.sequence
    ) as first
    where u.tenant = 'bench' and u.type = 'contact' and u.record_id like ${`${run}-%`} and first.at is not null
      and u.at between to_timestamp(${from / 1000}::float8) and to_timestamp(${to / 1000}::float8)`
  return rows.map(({ lag }) => lag)
}

async function drive(job: LagJob): Promise<LagResult> {
  const run = randomUUID()
  const sql = connect(job.databaseUrl)
  const latencies: number[] = []
  let measuring = false
  const records = await openAll(job, run, (milliseconds) => {
    if (measuring) latencies.push(milliseconds)
  })
  try {
    const before = await edit(records, 0, job.editsPerSecond, job.warmUpSeconds)
    tell({ type: 'begin' })
    await hear()
    measuring = true
    const from = Date.now()
    const [, taken] = await Promise.all([
      edit(records, before, job.editsPerSecond, job.seconds),
      write(sql, records, job.updatesPerSecond, job.seconds),
    ])
    const to = Date.now()
    tell({ type: 'end' })
    await hear()
    const faults: string[] = []
    if (!(await settled(sql, run))) faults.push(`rows did not follow within ${SETTLE_LIMIT} ms`)
    await sql`create index if not exists bench_outbox on rapport.outbox (tenant, aggregateid)`
    const measured = await lags(sql, run, from, to)
    await sleep(500)
    const unseen = records.filter(({ expects }) => expects.awaited !== undefined).length
    if (unseen > 0) faults.push(`${unseen} of ${taken.length} values that SQL wrote were never shown`)
    return {
      lag: percentiles(measured) ?? { p50: 0, p99: 0, samples: 0 },
      toSocket: percentiles(latencies),
      statement: percentiles(taken),
      projectedPerSecond: (measured.length * 1_000) / (to - from),
      faults,
    }
  } finally {
    for (const { socket } of records) socket.close()
    await sql.end({ timeout: 1 })
  }
}

tell({ type: 'result', result: await drive((await hear()) as LagJob) })
process.disconnect()
