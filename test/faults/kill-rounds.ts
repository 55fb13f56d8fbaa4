/**
 * SIGKILL at random moments under write load. Each round writes to fresh records, kills the server, starts it again, and
 * lets a fresh reader look before any writer is back; then the writers return and everything must be there. At the end the records
 * of all rounds are read once more, since a later kill may not undo what an earlier restart had shown.
 */
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Address,
  add,
  connectFleet,
  createFleet,
  type FleetRecord,
  judgeFleet,
  NOTHING,
  settled,
  startWriting,
  type Verdict,
  writersOf,
} from './fleet.ts'
import type { Subject } from './subject.ts'

export interface KillReport extends Verdict {
  readonly rounds: number
  /** Kills after which at least one stored edit was found that nobody had been told was stored. */
  readonly killsInCommit: number
  /** Rounds after which the returned writers did not get everything stored within the limit. */
  readonly unhealed: number
}

/** When to kill, in milliseconds after the load began. */
const KILL_BETWEEN = [50, 2_000] as const
const HEAL_LIMIT = 20_000
const MOST_ROUNDS = 3

export interface KillPlan {
  readonly rounds: number
  /** Where chance hit fewer commits than this, rounds are added, up to three times as many in all. */
  readonly commitsToHit: number
  /** Told of each round. */
  readonly progress: (text: string) => void
}

/** The server is started and ended here. */
export async function killRounds(subject: Subject, { rounds, commitsToHit, progress }: KillPlan): Promise<KillReport> {
  let server = await subject.start()
  let total = NOTHING
  let killsInCommit = 0
  let unhealed = 0
  const fleets: (readonly FleetRecord[])[] = []
  let round = 0
  try {
    while (round < rounds || (killsInCommit < commitsToHit && round < MOST_ROUNDS * rounds)) {
      round += 1
      const fleet = createFleet()
      await connectFleet(fleet, server)
      startWriting(fleet)
      await sleep(randomInt(...KILL_BETWEEN))
      await server.kill()
      await Promise.all(writersOf(fleet).map((writer) => writer.disconnected()))
      for (const writer of writersOf(fleet)) writer.pause()

      server = await subject.start()
      const verdict = await judgeFleet(fleet, server)
      total = add(total, verdict)
      if (verdict.caughtInCommit > 0) killsInCommit += 1
      progress(
        `${subject.name}: round ${round}, ${total.acknowledged} acknowledged, ${total.lost} lost, ${killsInCommit} in a commit`,
      )

      await connectFleet(fleet, server)
      if (!(await settled(fleet, HEAL_LIMIT)) || !isWhole(await judgeFleet(fleet, server))) unhealed += 1
      for (const writer of writersOf(fleet)) writer.close()
      fleets.push(fleet)
    }
    const again = await rereadAll(fleets, server)
    return {
      ...total,
      lost: total.lost + again.lost,
      unsaved: total.unsaved + again.unsaved,
      rounds: round,
      killsInCommit,
      unhealed,
    }
  } finally {
    await server.stop()
  }
}

function isWhole({ lost, unsaved }: Verdict): boolean {
  return lost === 0 && unsaved === 0
}

async function rereadAll(fleets: readonly (readonly FleetRecord[])[], address: Address): Promise<Verdict> {
  let total = NOTHING
  for (const fleet of fleets) total = add(total, await judgeFleet(fleet, address))
  return total
}
