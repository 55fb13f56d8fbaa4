/**
 * Keeps all rows of the mappings in force: begins the rebuilds of new versions, finishes what others began and left, and says when a newer
 * version has come into force. Looks at the start and again every few seconds: processes of other versions come and go.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import type { Logger } from '../observability/logger.ts'
import type { Rebuild } from './rebuild.ts'

export interface RebuildWatch {
  /** Looks where the rebuilds stand, if it is time. */
  look(): Promise<void>
  isPending(): boolean
  /** Takes steps while `inTime` says so, at least one. */
  rebuild(inTime: () => boolean): Promise<void>
}

/** Milliseconds. Within this time whoever is at a rebuild gets further: one that stands still is nobody's. */
const LOOK_EVERY = 5_000

interface Watched {
  readonly rebuild: Rebuild
  /** Ours to take steps of. */
  pending: boolean
  /** How far somebody else's was at the last look. */
  stood: string | undefined
  warned: boolean
}

export function createRebuildWatch(rebuilds: readonly Rebuild[], clock: Clock, logger: Logger): RebuildWatch {
  const watched = rebuilds.map((rebuild): Watched => ({ rebuild, pending: false, stood: undefined, warned: false }))
  let first = true
  /** In elapsed milliseconds. */
  let lookAt = 0

  async function inspect(one: Watched): Promise<void> {
    const { state, since, seen } = await one.rebuild.begin('outdated')
    const stands = `${since} ${seen}`
    if (state === 'newer' && !one.warned) {
      one.warned = true
      const { id, version } = one.rebuild.plan.mapping
      logger.warn({ mapping: id, version }, 'a newer version of this mapping is in force; its rows are left alone here')
    }
    // At the start nobody knows how far it was before; two processes at it share the work.
    if (state === 'begun' || (state === 'unfinished' && (first || one.stood === stands))) one.pending = true
    one.stood = state === 'unfinished' ? stands : undefined
  }

  return {
    async look() {
      if (clock.elapsed() < lookAt) return
      for (const one of watched) if (!one.pending) await inspect(one)
      first = false
      lookAt = clock.elapsed() + LOOK_EVERY
    },
    isPending: () => watched.some(({ pending }) => pending),
    async rebuild(inTime) {
      do {
        const one = watched.find(({ pending }) => pending)
        if (one === undefined) return
        if (await one.rebuild.step()) continue
        one.pending = false
        const { seen, changed } = one.rebuild.progress()
        if (seen > 0) logger.info({ mapping: one.rebuild.plan.mapping.id, seen, changed }, 'rows are of the current mapping')
      } while (inTime())
    },
  }
}
