/** Kept answers in memory, for tests of whatever sits on them: no expiry, and an attempt ends only when it says so. */

import { type Clock, systemClock } from '@rapport/shared/clock.ts'
import { uuidv7 } from '@rapport/shared/ids.ts'
import type { KeptAnswer, KeptAnswers, KeyedRequest } from '../../server/http/kept-answers.ts'

interface Kept {
  readonly fingerprint: string
  readonly seed: ReturnType<typeof uuidv7>
  readonly begunAt: number
  attempt: string | undefined
  answer: KeptAnswer | undefined
}

export function createMemoryKeptAnswers(clock: Clock = systemClock): KeptAnswers {
  const kept = new Map<string, Kept>()
  let attempts = 0
  const nameOf = ({ by, key }: KeyedRequest): string => `${by.tenant}\0${by.sub}\0${key}`
  return {
    async claim(request) {
      const fingerprint = Buffer.from(request.fingerprint).toString('hex')
      const found = kept.get(nameOf(request))
      if (found !== undefined && found.fingerprint !== fingerprint) return { type: 'foreign' }
      if (found?.answer !== undefined) return { type: 'answered', answer: found.answer }
      if (found?.attempt !== undefined) return { type: 'busy' }
      attempts += 1
      const begun = found ?? { fingerprint, seed: uuidv7(clock), begunAt: clock.now(), attempt: undefined, answer: undefined }
      begun.attempt = String(attempts)
      kept.set(nameOf(request), begun)
      return { type: 'begun', attempt: begun.attempt, seed: begun.seed, resumedSince: found?.begunAt }
    },
    async keep(request, attempt, answer) {
      const found = kept.get(nameOf(request))
      if (found?.attempt === attempt) found.answer = answer
    },
    async letGo(request, attempt) {
      const found = kept.get(nameOf(request))
      if (found?.attempt === attempt) found.attempt = undefined
    },
  }
}
