/**
 * Starts the parts of the process in order and stops them in reverse. Each stop has a deadline, so one part that hangs cannot
 * keep the process from ending; what did not stop in time is logged and left behind. If a start fails, what was started
 * before it is stopped and the failure goes on to the caller.
 */
import { type Clock, sleep } from '@rapport/shared/clock.ts'
import type { Logger } from './observability/logger.ts'

const DEFAULT_STOP_MILLISECONDS = 5_000

export interface Lifecycle {
  /** Runs `start`, and remembers `stop` for its result once it has succeeded. */
  start<T>(
    name: string,
    start: () => T | Promise<T>,
    stop: (part: T) => void | Promise<void>,
    stopMilliseconds?: number,
  ): Promise<T>
  /** Stops everything, newest first; never rejects. A second call waits for the first. */
  stop(): Promise<void>
}

interface Started {
  readonly name: string
  readonly stop: () => void | Promise<void>
  readonly milliseconds: number
}

export function createLifecycle(clock: Clock, log: Logger): Lifecycle {
  const started: Started[] = []
  let stopping: Promise<void> | undefined

  async function stopAll(): Promise<void> {
    // The clock's timers let the process end; it must not do so in the middle of this, with nobody told why.
    const alive = setInterval(() => undefined, DEFAULT_STOP_MILLISECONDS)
    for (let part = started.pop(); part !== undefined; part = started.pop()) {
      const outcome = await Promise.race([stopOne(part), sleep(clock, part.milliseconds).then(() => 'late' as const)])
      if (outcome === 'late') log.error({ part: part.name, milliseconds: part.milliseconds }, 'a part did not stop in time')
    }
    clearInterval(alive)
  }

  async function stopOne(part: Started): Promise<'done'> {
    try {
      await part.stop()
      log.debug({ part: part.name }, 'stopped')
    } catch (error) {
      log.error({ part: part.name, err: error }, 'a part failed to stop')
    }
    return 'done'
  }

  const lifecycle: Lifecycle = {
    async start(name, start, stop, milliseconds = DEFAULT_STOP_MILLISECONDS) {
      try {
        const part = await start()
        // A stop that began meanwhile has not seen this part: it is stopped here.
        if (stopping !== undefined) await stopOne({ name, stop: () => stop(part), milliseconds })
        else started.push({ name, stop: () => stop(part), milliseconds })
        return part
      } catch (error) {
        await lifecycle.stop()
        throw error
      }
    },
    stop() {
      stopping ??= stopAll()
      return stopping
    },
  }
  return lifecycle
}
