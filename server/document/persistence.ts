/** How a room reads what it cannot go on without: it never gives up, since without the database nothing could be committed either. */
import { type Clock, sleep } from '@rapport/shared/clock.ts'
import { toSyncError } from '@rapport/shared/errors.ts'
import type { RoomState } from './live-room.ts'

/** Milliseconds between attempts, doubling. */
const FIRST_RETRY = 50
const LAST_RETRY = 2_000

/** Tries until the database answers, or the room is over, which answers `undefined`. Throws what trying again cannot help. */
export async function untilRead<T>(clock: Clock, state: RoomState, read: () => Promise<T>): Promise<T | undefined> {
  for (let pause = FIRST_RETRY; state.over === undefined; pause = Math.min(pause * 2, LAST_RETRY)) {
    try {
      const answer = await read()
      return state.over === undefined ? answer : undefined
    } catch (error) {
      const reason = toSyncError(error)
      if (reason.code !== 'overload') throw reason
      await sleep(clock, pause)
    }
  }
  return undefined
}
