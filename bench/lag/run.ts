/**
 * S11: how far rows are behind edits, and sockets behind SQL, at a steady rate over many records; and which rate keeps the first within its
 * bound. A fresh server for each rate, on a Postgres of its own.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { processCpuMicroseconds } from '../../test/support/process-cpu.ts'
import { formatTable } from '../report.ts'
import type { RunningServer, Target } from '../targets.ts'
import type { LagJob, LagMessage, LagResult } from './messages.ts'

export interface LagRun {
  readonly editsPerSecond: number
  readonly result: LagResult
  /** Cores in use, on average. */
  readonly serverCores: number
  readonly databaseCores: number
}

/** Milliseconds below which the 99th percentile is to stay. */
export const LAG_BOUND = 250
const RECORDS = 1_000
const UPDATES_PER_SECOND = 20
const WARM_UP_SECONDS = 5
const RUN_LIMIT = 240_000

/** At each rate in turn. */
export async function measureLag(target: Target, rates: readonly number[], seconds: number): Promise<readonly LagRun[]> {
  const runs: LagRun[] = []
  for (const editsPerSecond of rates) {
    const server = await target.start()
    try {
      runs.push(await runOne(server, editsPerSecond, seconds))
    } finally {
      await server.stop()
    }
  }
  return runs
}

async function runOne(server: RunningServer, editsPerSecond: number, seconds: number): Promise<LagRun> {
  const { address, token, databaseUrl } = server
  if (databaseUrl === undefined) throw new Error('this server has no database of its own to ask')
  const job: LagJob = {
    address,
    token,
    databaseUrl,
    records: RECORDS,
    editsPerSecond,
    updatesPerSecond: UPDATES_PER_SECOND,
    warmUpSeconds: WARM_UP_SECONDS,
    seconds,
  }
  const driver = fork(fileURLToPath(new URL('driver.ts', import.meta.url)))
  const limit = setTimeout(() => driver.kill('SIGKILL'), RUN_LIMIT)
  const meter = () => ({
    at: performance.now(),
    server: processCpuMicroseconds(server.pid) ?? 0,
    database: server.databaseCpu() ?? 0,
  })
  let [begun, ended] = [meter(), meter()]
  const gone = once(driver, 'exit').then(([code]) => {
    throw new Error(`the driver ended with ${code}`)
  })
  const result = new Promise<LagResult>((resolve) => {
    driver.on('message', (received) => {
      const message = received as LagMessage
      if (message.type === 'result') return resolve(message.result)
      if (message.type === 'begin') begun = meter()
      else ended = meter()
      driver.send({ type: 'go' })
    })
  })
  driver.send(job)
  try {
    const measured = await Promise.race([result, gone])
    const elapsed = (ended.at - begun.at) * 1_000
    return {
      editsPerSecond,
      result: measured,
      serverCores: (ended.server - begun.server) / elapsed,
      databaseCores: (ended.database - begun.database) / elapsed,
    }
  } finally {
    clearTimeout(limit)
    gone.catch(() => undefined)
  }
}

const HEADER = [
  'edits/s',
  'in rows/s',
  'lag p50/p99 ms',
  `p99 under ${LAG_BOUND} ms`,
  'SQL to socket p50/p99 ms',
  'UPDATE p50/p99 ms',
  'server cores',
  'database cores',
  'checked',
]

/** A table, and one sentence about the rate that stays within the bound. */
export function formatLag(name: string, runs: readonly LagRun[]): string {
  const pair = (times: LagResult['toSocket']): string =>
    times === undefined ? '–' : `${times.p50.toFixed(0)} / ${times.p99.toFixed(0)}`
  const isWithin = ({ result }: LagRun): boolean => result.lag.p99 < LAG_BOUND
  const rows = runs.map((run) => [
    run.editsPerSecond.toLocaleString('en-GB'),
    run.result.projectedPerSecond.toFixed(0),
    pair(run.result.lag),
    isWithin(run) ? 'yes' : 'no',
    pair(run.result.toSocket),
    pair(run.result.statement),
    run.serverCores.toFixed(2),
    run.databaseCores.toFixed(2),
    run.result.faults.length === 0
      ? `${run.result.lag.samples.toLocaleString('en-GB')} ok`
      : `${run.result.faults.length} FAULTS`,
  ])
  const best = Math.max(...runs.filter(isWithin).map((run) => run.editsPerSecond))
  const verdict = Number.isFinite(best)
    ? `At ${best.toLocaleString('en-GB')} edits/s the lag's p99 is under ${LAG_BOUND} ms.`
    : `At none of these rates is the lag's p99 under ${LAG_BOUND} ms.`
  const title = `S11: ${name}, ${RECORDS.toLocaleString('en-GB')} records, ${UPDATES_PER_SECOND} UPDATEs/s beside the edits: how far rows are behind`
  return `${title}\n\n${formatTable([HEADER, ...rows])}\n\n${verdict}\n`
}
