/**
 * Time, timers and randomness as arguments. Everything that waits or draws takes a `Clock`, so that a simulation can own both
 * and replay them from a seed. Order never depends on the wall clock: `now` is for people, `elapsed` for intervals.
 */

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall time in milliseconds since the Unix epoch. May jump. */
  now(): number
  /** Monotonic milliseconds, for intervals. */
  elapsed(): number
  /** Calls `run` once after at least `milliseconds`. Does not keep the process alive. */
  after(milliseconds: number, run: () => void): Timer
  /** Calls `run` once, after the events that are already waiting in this turn of the event loop. */
  soon(run: () => void): void
  /** A uniformly random unsigned 32-bit integer. */
  random32(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(milliseconds, run) {
    const timer: { unref?(): void } = setTimeout(run, milliseconds) as never
    timer.unref?.()
    return { cancel: () => clearTimeout(timer as never) }
  },
  soon(run) {
    setImmediate(run)
  },
  random32() {
    const drawn = new Uint32Array(1)
    globalThis.crypto.getRandomValues(drawn)
    return drawn[0] as number
  },
}

/** Resolves after at least `milliseconds` of the given clock. */
export function sleep(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(milliseconds, resolve)
  })
}
