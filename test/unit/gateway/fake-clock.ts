/** A clock that stands still until a test moves it. */
import type { Clock } from '@rapport/shared/clock.ts'

export interface FakeClock extends Clock {
  /** Runs everything that falls due within so many milliseconds, in order. */
  pass(milliseconds: number): void
  /** Runs what waits for the end of the turn. */
  turn(): void
}

export function createFakeClock(): FakeClock {
  let now = 0
  let timers: { at: number; run: () => void }[] = []
  const soon: (() => void)[] = []
  return {
    now: () => now,
    elapsed: () => now,
    after(milliseconds, run) {
      const timer = { at: now + milliseconds, run }
      timers.push(timer)
      return {
        cancel() {
          timers = timers.filter((other) => other !== timer)
        },
      }
    },
    soon: (run) => soon.push(run),
    random32: () => 4,
    pass(milliseconds) {
      const end = now + milliseconds
      for (;;) {
        const [next] = timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)
        if (next === undefined) break
        timers = timers.filter((timer) => timer !== next)
        now = next.at
        next.run()
      }
      now = end
    },
    turn() {
      for (const run of soon.splice(0)) run()
    },
  }
}
