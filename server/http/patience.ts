/** Waiting for something only so long. */
import type { Clock } from '@rapport/shared/clock.ts'
import type { SyncError } from '@rapport/shared/errors.ts'

/** As `work` does, but rejects with `late()` if that takes longer; the work itself goes on, and its outcome is then nobody's. */
export function within<T>(clock: Clock, milliseconds: number, work: Promise<T>, late: () => SyncError): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(milliseconds, () => reject(late()))
    work.finally(() => timer.cancel()).then(resolve, reject)
  })
}
