/**
 * One entry that the database refuses fails the whole statement, and does so as a data failure, so that the log can find it.
 */
import { describe, expect, test } from 'vitest'
import type { Sql } from '../../server/db.ts'
import { classifyFailure } from '../../server/log/failures.ts'
import { sqlStoreUnderTest } from './database.ts'
import { entryOf, freshTenant, recordKey } from './entries.ts'

export function describePoisonedGroup(name: string, open: () => Sql): void {
  describe(`a group with one entry that is refused, on ${name}`, () => {
    const poisons: [string, Parameters<typeof entryOf>[2]][] = [
      ['a constraint', { authors: [{ sub: 'poison', role: 'rep' }] }],
      ['NUL in jsonb', { authors: [{ sub: 'a\0b', role: 'rep' }] }],
      ['a lone surrogate in jsonb', { authors: [{ sub: 'a\ud800', role: 'rep' }] }],
      ['an id that is no UUID', { id: 'poison' }],
    ]
    test.each(poisons)('writes nothing and is a data failure: %s', async (_name, poison) => {
      const sql = open()
      const { store } = sqlStoreUnderTest(sql)
      const tenant = freshTenant()
      await sql`alter table rapport.record_updates
        add constraint poison check (authors::text not like '%poison%') not valid`
      try {
        const good = entryOf(recordKey('good', tenant))
        const bad = entryOf(recordKey('bad', tenant), undefined, poison)
        const failure = await store.insert([good, bad]).catch((error: unknown) => error)
        expect(failure).toBeInstanceOf(Error)
        expect(classifyFailure(failure)).toBe('data')
        expect(await store.page(tenant, 'contact', '', 10)).toEqual([])
        expect(await store.insert([good])).toEqual(new Set([good.id]))
      } finally {
        await sql`alter table rapport.record_updates drop constraint poison`
      }
    })
  })
}
