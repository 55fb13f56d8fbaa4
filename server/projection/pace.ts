/**
 * When the projector has its next turn. It leaves two thirds of the time to others while there is much to do, looks by itself when nobody
 * calls, and lets whoever waits for a record go first. However many they are, all others have their turn when it is due.
 */
import type { Clock, Timer } from '@rapport/shared/clock.ts'

/** `hurry`: somebody waits. `due`: it is time, also for those who wait. */
export type Turn = 'due' | 'hurry' | 'end'

/** What a turn that was due found: more to do, nothing more, or nothing that could be done. */
export type Found = 'more' | 'nothing' | 'stuck'

export interface Pace {
  /** There may be news. */
  wake(): void
  /** Somebody waits for an answer: the next turn comes at once. */
  hurry(): void
  /** Resolves when the next turn is. To be asked by one at a time. */
  next(): Promise<Turn>
  /** To be told after each turn that was due. */
  took(milliseconds: number, found: Found): void
  /** `next` answers `end` from now on. */
  end(): void
}

/**
 * Milliseconds between two turns: at least, and at most while there is something to do. Somebody who types makes an event with the whole
 * record a turn, so a quiet record is projected at once and a busy one a few times a second.
 */
const SHORTEST = 200
const LONGEST = 1_000
/** The part of the time that is left to others, in turns. */
const SHARE = 2
/** Between turns in which nothing could be done. */
const STUCK = 250
/** Without any call: entries of other instances, and faulty records that are to be tried again. */
const LOOK = 1_000

export function createPace(clock: Clock): Pace {
  let woken = true
  let hurried = false
  let ended = false
  /** In elapsed milliseconds: not before, and by itself. */
  let earliest = clock.elapsed()
  let look = earliest
  let timer: Timer | undefined
  let answer: ((turn: Turn) => void) | undefined

  function turn(): Turn | undefined {
    if (ended) return 'end'
    const now = clock.elapsed()
    const due = now >= look || (now >= earliest && woken)
    if (!due && !hurried) return undefined
    hurried = false
    if (!due) return 'hurry'
    woken = false
    return 'due'
  }

  function consider(): void {
    timer?.cancel()
    timer = undefined
    if (answer === undefined) return
    const reached = turn()
    if (reached === undefined) {
      const wait = (woken ? Math.min(earliest, look) : look) - clock.elapsed()
      timer = clock.after(Math.max(wait, 1), consider)
      return
    }
    const resolve = answer
    answer = undefined
    resolve(reached)
  }

  return {
    wake() {
      if (woken) return
      woken = true
      consider()
    },
    hurry() {
      hurried = true
      consider()
    },
    next() {
      return new Promise((resolve) => {
        answer = resolve
        consider()
      })
    },
    took(milliseconds, found) {
      const rest = Math.min(Math.max(milliseconds * SHARE, found === 'stuck' ? STUCK : SHORTEST), LONGEST)
      const now = clock.elapsed()
      earliest = now + rest
      look = now + (found === 'more' ? rest : Math.max(rest, LOOK))
      if (found === 'stuck') look = earliest
    },
    end() {
      ended = true
      consider()
    },
  }
}
