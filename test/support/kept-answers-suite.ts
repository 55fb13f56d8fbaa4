/** Keyed requests in the database: one works at a time, what became of it is told, and nothing of it stays for ever. */
import { createHash } from 'node:crypto'
import { systemClock } from '@rapport/shared/clock.ts'
import { parseRecordId, type RecordId, type Tenant } from '@rapport/shared/ids.ts'
import { describe, expect, test } from 'vitest'
import type { Sql } from '../../server/db.ts'
import { type Begun, createKeptAnswers, type KeptAnswers, type KeyedRequest } from '../../server/http/kept-answers.ts'
import { silent } from './database.ts'

const HOUR = 60 * 60 * 1_000

export function describeKeptAnswers(name: string, sqlOf: () => Sql): void {
  describe(`answers kept in ${name}`, () => {
    const opened = (): { answers: KeptAnswers; wait(milliseconds: number): void } => {
      let ahead = 0
      const clock = { ...systemClock, now: () => Date.UTC(2026, 0, 1) + ahead }
      return {
        answers: createKeptAnswers({ sql: sqlOf(), clock, log: silent }),
        wait: (milliseconds) => {
          ahead += milliseconds
        },
      }
    }
    const asked = (key: string, body = 'body', sub = 'ann', tenant = 'demo'): KeyedRequest => ({
      by: { tenant: tenant as Tenant, sub },
      key,
      fingerprint: createHash('sha256').update(body).digest(),
    })
    const begun = async (answers: KeptAnswers, request: KeyedRequest): Promise<Begun> => {
      const claim = await answers.claim(request)
      if (claim.type !== 'begun') throw new Error(`not begun but ${claim.type}`)
      return claim
    }
    const record = { type: 'contact', id: parseRecordId('c1') as RecordId, sequence: 7 }

    test('the first begins, others find it busy, and then answered; another request may not use the key', async () => {
      const { answers } = opened()
      const { attempt, resumedSince } = await begun(answers, asked('one'))
      expect(resumedSince).toBeUndefined()
      expect(await answers.claim(asked('one'))).toEqual({ type: 'busy' })
      expect(await answers.claim(asked('one', 'other'))).toEqual({ type: 'foreign' })
      await answers.keep(asked('one'), attempt, { status: 201, record })
      expect(await answers.claim(asked('one'))).toEqual({ type: 'answered', answer: { status: 201, record } })
      expect(await answers.claim(asked('one', 'other'))).toEqual({ type: 'foreign' })
    })

    test('a body is kept as it was, and so is an answer without one', async () => {
      const { answers } = opened()
      const body = JSON.stringify({ items: ['\0', '\ud800', "'"] })
      for (const [key, answer] of Object.entries({ body: { status: 422, body }, none: { status: 204 } })) {
        await answers.keep(asked(key), (await begun(answers, asked(key))).attempt, answer)
        expect(await answers.claim(asked(key))).toEqual({ type: 'answered', answer })
      }
    })

    test("P11: a key is its user's own", async () => {
      const { answers } = opened()
      const seeds = new Set<string>()
      for (const request of [asked('same'), asked('same', 'body', 'bob'), asked('same', 'body', 'ann', 'other')]) {
        seeds.add((await begun(answers, request)).seed)
      }
      expect(seeds.size).toBe(3)
    })

    test('of 20 at once exactly one begins', async () => {
      const { answers } = opened()
      const claims = await Promise.all(Array.from({ length: 20 }, () => answers.claim(asked('raced'))))
      expect(claims.filter(({ type }) => type === 'begun')).toHaveLength(1)
      expect(claims.filter(({ type }) => type === 'busy')).toHaveLength(19)
    })

    test('one that was let go, or cut off, is begun again, with the same seed, and knows since when; its first attempt then keeps nothing', async () => {
      const { answers, wait } = opened()
      const first = await begun(answers, asked('again'))
      await answers.letGo(asked('again'), first.attempt)
      const second = await begun(answers, asked('again'))
      expect(second).toMatchObject({ seed: first.seed, resumedSince: Date.UTC(2026, 0, 1) })
      wait(29_000)
      expect(await answers.claim(asked('again'))).toEqual({ type: 'busy' })
      wait(2_000)
      const third = await begun(answers, asked('again'))
      expect(third).toMatchObject({ seed: first.seed, resumedSince: Date.UTC(2026, 0, 1) })
      await answers.keep(asked('again'), second.attempt, { status: 204 })
      expect(await answers.claim(asked('again'))).toEqual({ type: 'busy' })
      await answers.keep(asked('again'), third.attempt, { status: 201, record })
      await answers.letGo(asked('again'), third.attempt)
      expect(await answers.claim(asked('again'))).toMatchObject({ type: 'answered' })
    })

    test('after 24 hours a key is a new one, for any request', async () => {
      const { answers, wait } = opened()
      const first = await begun(answers, asked('old'))
      await answers.keep(asked('old'), first.attempt, { status: 204 })
      wait(24 * HOUR - 1)
      expect(await answers.claim(asked('old'))).toMatchObject({ type: 'answered' })
      wait(1)
      const second = await begun(answers, asked('old', 'other'))
      expect([second.seed === first.seed, second.resumedSince]).toEqual([false, undefined])
    })

    test('P10: what is too old leaves by itself, and of one user only so many stay', async () => {
      const sql = sqlOf()
      const { answers, wait } = opened()
      await begun(answers, asked('left behind', 'body', 'cleo'))
      await sql`
        insert into rapport.idempotency_keys (tenant, sub, key, request, seed, begun_at, attempt, busy_until)
        select 'crowd', 'dan', 'k' || n, '', gen_random_uuid(), to_timestamp(${Date.UTC(2026, 0, 2) / 1_000} + n), gen_random_uuid(), now()
        from generate_series(1, 10100) n`
      wait(25 * HOUR)
      // The one left behind was the first of 50, and the last of these is begun after the look.
      for (let count = 0; count < 49; count += 1) await answers.claim(asked(`more${count}`, 'body', 'dan', 'crowd'))
      const [counts] = await sql<{ old: number; crowd: number; oldest: boolean }[]>`
        select count(*) filter (where sub = 'cleo')::int as old, count(*) filter (where tenant = 'crowd')::int as crowd,
          bool_or(key = 'k1') as oldest
        from rapport.idempotency_keys`
      expect(counts).toEqual({ old: 0, crowd: 10_001, oldest: false })
    })
  })
}
