/**
 * The driver process: all clients of one run, apart from the server so that each one's CPU time is its own. It gets a job from
 * the runner, stops before and after the measured part for the meters to be read, checks everything, and answers once.
 */
import { randomInt, randomUUID } from 'node:crypto'
import { connectSync, type SyncSocket } from '../test/support/sync-socket.ts'
import { type Editor, prepareEditor } from './editors.ts'
import { type RecordUnderLoad, runLoad } from './load.ts'
import type { DriverMessage, DriverResult, Job, RunnerMessage } from './messages.ts'
import { expectedDeliveries } from './scenarios.ts'
import { percentiles } from './statistics.ts'
import { createTally } from './tally.ts'
import { verify } from './verify.ts'

/** Every so-many-th socket asks for durable acknowledgements; all would make the server send what stock clients never ask for. */
const ACKNOWLEDGED_SHARE = 10
const CONNECTING_AT_ONCE = 50

function tell(message: DriverMessage): void {
  process.send?.(message)
}

function hear(): Promise<RunnerMessage> {
  return new Promise((resolve) => process.once('message', (message) => resolve(message as RunnerMessage)))
}

async function openRecord(job: Job, first: number): Promise<RecordUnderLoad> {
  const { scenario } = job
  const path = `/sync/contact/bench-${randomUUID()}`
  const edits = scenario.warmUpEdits + scenario.measuredEdits
  const editors: Editor[] = []
  for (let editor = 0; editor < scenario.editorsPerRecord; editor += 1)
    editors.push(prepareEditor(randomInt(1, 2 ** 32), edits, scenario.place))
  const echo = (editor: number): boolean => job.keepsDocuments && (first + editor) % ACKNOWLEDGED_SHARE === 0
  const tally = createTally(editors, echo)
  const clients: SyncSocket[] = []
  for (const [index] of editors.entries()) {
    const url = `${addressOf(job, path)}${echo(index) ? '&ack=echo' : ''}`
    const lost = (reason: string): void => {
      throw new Error(`${path}: ${reason}`)
    }
    const update = (bytes: Uint8Array): void => tally.received(index, bytes)
    clients.push(await connectSync(url, { update, lost }, job.keepsDocuments ? 'empty' : undefined))
  }
  return { path, editors, clients, tally }
}

function addressOf({ address, token }: Job, path: string): string {
  return `${address}${path}?token=${token}`
}

async function openAll(job: Job): Promise<readonly RecordUnderLoad[]> {
  const { records, editorsPerRecord } = job.scenario
  const opened: RecordUnderLoad[] = []
  for (let index = 0; index < records; index += CONNECTING_AT_ONCE) {
    const batch = Array.from({ length: Math.min(CONNECTING_AT_ONCE, records - index) }, (_, offset) => index + offset)
    opened.push(...(await Promise.all(batch.map((record) => openRecord(job, record * editorsPerRecord)))))
  }
  return opened
}

async function drive(job: Job): Promise<DriverResult> {
  const { scenario } = job
  const expected = expectedDeliveries(scenario)
  const records = await openAll(job)
  await runLoad(scenario, records, 0, scenario.warmUpEdits)

  const delivered = (): number => records.reduce((sum, { tally }) => sum + tally.delivered(), 0)
  const before = delivered()
  tell({ type: 'begin' })
  await hear()
  for (const { tally } of records) tally.startMeasuring()
  const start = performance.now()
  await runLoad(scenario, records, scenario.warmUpEdits, scenario.warmUpEdits + scenario.measuredEdits)
  const seconds = (performance.now() - start) / 1_000
  const deliveries = delivered() - before
  tell({ type: 'end' })
  await hear()

  const verdict = await verify(records, job.keepsDocuments ? (path) => addressOf(job, path) : undefined)
  for (const { clients } of records) for (const client of clients) client.close()
  return {
    type: 'result',
    deliveries,
    seconds,
    latency: percentiles(records.flatMap(({ tally }) => tally.latencies)) ?? { p50: 0, p99: 0, samples: 0 },
    acknowledgement: percentiles(records.flatMap(({ tally }) => tally.acknowledgements)),
    replicasCompared: verdict.replicasCompared,
    faults: deliveries === expected ? verdict.faults : [`${deliveries} deliveries, ${expected} expected`, ...verdict.faults],
  }
}

const job = await hear()
if (job.type !== 'job') throw new Error('a job was expected')
tell(await drive(job))
process.disconnect()
