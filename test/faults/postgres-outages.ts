/**
 * Postgres itself fails under write load, first crashing and recovering again and again, then frozen: still connected, and silent.
 * The server stays up throughout. Clients come back by themselves whenever their socket is closed, as stock ones do.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Address,
  connectFleet,
  createFleet,
  type FleetRecord,
  judgeFleet,
  settled,
  startWriting,
  type Verdict,
  writersOf,
} from './fleet.ts'
import type { Subject } from './subject.ts'

/** A Postgres that can be maltreated. */
export interface FragilePostgres {
  /** Stops it as a crash would (`pg_ctl restart -m immediate`) and resolves once it is started again. */
  restartImmediately(): Promise<void>
  /** SIGSTOP and SIGCONT to all of its processes. */
  freeze(): void
  thaw(): void
}

export interface OutageReport extends Verdict {
  readonly name: string
  /** What `/readyz` answered while the database was away, and whether it answered 200 again at the end. */
  readonly unreadyAnswers: number
  readonly readyAtEnd: boolean
  /** Everything written was acknowledged in the end, without anybody's help. */
  readonly healed: boolean
}

type Progress = (text: string) => void

const RESTARTS = 6
const RESTART_EVERY = 3_000
const FROZEN_FOR = 20_000
const WRITING_BEFORE = 1_000
const HEAL_LIMIT = 60_000
const PROBE_EVERY = 50
const PROBE_LIMIT = 2_000
const RETRY_AFTER = 200

export async function restartPostgres(subject: Subject, postgres: FragilePostgres, progress: Progress): Promise<OutageReport> {
  const name = `${subject.name}, restarted -m immediate ${RESTARTS} times`
  progress(name)
  return await suffer(name, subject, async () => {
    for (let restart = 0; restart < RESTARTS; restart += 1) {
      await postgres.restartImmediately()
      await sleep(RESTART_EVERY)
    }
  })
}

export async function freezePostgres(subject: Subject, postgres: FragilePostgres, progress: Progress): Promise<OutageReport> {
  const name = `${subject.name}, frozen for ${FROZEN_FOR / 1_000} s`
  progress(name)
  return await suffer(name, subject, async () => {
    postgres.freeze()
    try {
      await sleep(FROZEN_FOR)
    } finally {
      postgres.thaw()
    }
  })
}

async function suffer(name: string, subject: Subject, fault: () => Promise<void>): Promise<OutageReport> {
  const server = await subject.start()
  const fleet = createFleet()
  const probe = probeReadiness(server)
  let together: Promise<void> | undefined
  const stopped = new AbortController()
  try {
    await connectFleet(fleet, server)
    startWriting(fleet)
    together = keepConnected(fleet, server, stopped.signal)
    await sleep(WRITING_BEFORE)
    probe.startCounting()
    await fault()
    for (const writer of writersOf(fleet)) writer.pause()
    const healed = await settled(fleet, HEAL_LIMIT)
    return { name, ...(await judgeFleet(fleet, server)), unreadyAnswers: probe.unready(), readyAtEnd: probe.ready(), healed }
  } finally {
    stopped.abort()
    await together
    await probe.stop()
    for (const writer of writersOf(fleet)) writer.close()
    await server.stop()
  }
}

/** Brings every writer whose connection was lost back, until told to stop. */
async function keepConnected(fleet: readonly FleetRecord[], address: Address, stopped: AbortSignal): Promise<void> {
  while (!stopped.aborted) {
    await sleep(RETRY_AFTER)
    for (const record of fleet) {
      const lost = { ...record, writers: record.writers.filter((writer) => !writer.connected()) }
      // Refused while the database is away: the next turn tries again, as a stock client would.
      if (lost.writers.length > 0) await connectFleet([lost], address).catch(() => undefined)
    }
  }
}

interface Probe {
  startCounting(): void
  unready(): number
  ready(): boolean
  stop(): Promise<void>
}

function probeReadiness({ host }: Address): Probe {
  let unready = 0
  let last = 0
  let stopped = false
  const running = (async () => {
    while (!stopped) {
      const answer = await fetch(`http://${host}/readyz`, { signal: AbortSignal.timeout(PROBE_LIMIT) }).catch(() => undefined)
      last = answer?.status ?? 0
      if (last === 503) unready += 1
      await sleep(PROBE_EVERY)
    }
  })()
  return {
    startCounting() {
      unready = 0
    },
    unready: () => unready,
    ready: () => last === 200,
    async stop() {
      stopped = true
      await running
    },
  }
}
