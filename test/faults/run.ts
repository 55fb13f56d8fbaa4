/**
 * `npm run test:faults`: kills real servers under write load, and on Postgres the database too, and counts what they lose of what
 * they had promised. Ends with 0 only if nothing was lost, enough kills fell inside a commit, everything healed by itself, and a log
 * broken on purpose was caught.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '../support/postgres.ts'
import { killRounds } from './kill-rounds.ts'
import { type FaultOptions, readOptions, USAGE } from './options.ts'
import { freezePostgres, type OutageReport, restartPostgres } from './postgres-outages.ts'
import { createSubject, type Subject } from './subject.ts'

/** Fewer kills inside a commit than this, in a run of the default length, would show little. */
const COMMITS_TO_HIT = 5
const DEFAULT_ROUNDS = 30
const BROKEN_ROUNDS = 5

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

/** Prints a line and remembers whether the run as a whole still stands. */
function check(holds: boolean, text: string): void {
  progress('')
  console.log(`${holds ? 'ok    ' : 'FAILED'} ${text}`)
  if (!holds) process.exitCode = 1
}

async function checkKills(subject: Subject, rounds: number): Promise<void> {
  const commitsToHit = Math.ceil((Math.min(rounds, DEFAULT_ROUNDS) * COMMITS_TO_HIT) / DEFAULT_ROUNDS)
  const report = await killRounds(subject, { rounds, commitsToHit, progress })
  const { acknowledged, lost, unsaved, killsInCommit, unhealed } = report
  const counts = `${report.rounds} rounds, ${acknowledged} acknowledged updates, ${lost} lost, ${unsaved} shown and lost`
  const healing = unhealed === 0 ? 'healed each time' : `${unhealed} rounds did not heal`
  const holds = lost === 0 && unsaved === 0 && unhealed === 0 && killsInCommit >= commitsToHit
  check(holds, `${subject.name}: ${counts}, ${killsInCommit} kills inside a commit, ${healing}`)
}

function checkOutage({ name, acknowledged, lost, unsaved, unreadyAnswers, readyAtEnd, healed }: OutageReport): void {
  const counts = `${acknowledged} acknowledged updates, ${lost} lost, ${unsaved} shown and lost`
  const readiness = `/readyz said 503 ${unreadyAnswers} times and is ${readyAtEnd ? 'ready again' : 'not ready'}`
  const holds = lost === 0 && unsaved === 0 && unreadyAnswers > 0 && readyAtEnd && healed
  check(holds, `${name}: ${counts}, ${readiness}, ${healed ? 'healed by itself' : 'did not heal'}`)
}

async function runEmbedded({ rounds }: FaultOptions, folder: string): Promise<void> {
  const whole = createSubject({ name: 'SIGKILL, embedded', folder: join(folder, 'whole') })
  await checkKills(whole, rounds)
}

async function runPostgres({ rounds }: FaultOptions, folder: string): Promise<void> {
  const postgres = await startPostgres()
  try {
    const data = { folder: join(folder, 'postgres'), databaseUrl: postgres.url }
    await checkKills(createSubject({ name: 'SIGKILL, Postgres', ...data }), rounds)
    const subject = createSubject({ name: 'Postgres', ...data })
    checkOutage(await restartPostgres(subject, postgres, progress))
    checkOutage(await freezePostgres(subject, postgres, progress))
  } finally {
    await postgres.close()
  }
}

async function runBroken(folder: string): Promise<void> {
  const main = 'test/faults/broken-server.ts'
  const broken = createSubject({ name: 'SIGKILL, log broken on purpose', folder: join(folder, 'broken'), main })
  const { acknowledged, lost } = await killRounds(broken, { rounds: BROKEN_ROUNDS, commitsToHit: 0, progress })
  check(lost > 0, `${broken.name}: ${BROKEN_ROUNDS} rounds, ${acknowledged} acknowledged updates, ${lost} lost (some must be)`)
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  const folder = await mkdtemp(join(tmpdir(), 'rapport-faults-'))
  console.log('A kill counts as inside a commit if edits whose author had not been told were found stored afterwards.')
  try {
    if (options.embedded) await runEmbedded(options, folder)
    if (options.postgres) await runPostgres(options, folder)
    await runBroken(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  console.error(USAGE)
  process.exitCode = 1
}
