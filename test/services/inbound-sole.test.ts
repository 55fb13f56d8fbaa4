/** Of several processes on one database one absorbs, and another as soon as that one is gone. */
import { systemClock } from '@rapport/shared/clock.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../server/db.ts'
import { createSole } from '../../server/inbound/sole.ts'
import { silent } from '../support/database.ts'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'
import { until } from '../support/stock-client.ts'

let server: TestPostgres
let database: Database
beforeAll(async () => {
  server = await openPostgres()
  database = await openDatabase({ databaseUrl: server.url, dataDirectory: '' }, silent)
})
afterAll(async () => {
  await database.close()
  await server.close()
})

test('one of two is the one; the other when that one lets go, or is not heard of any more', async () => {
  const [one, other, third] = [1, 2, 3].map(() => createSole(database.sql, 'postgres', systemClock))
  if (one === undefined || other === undefined || third === undefined) throw new Error('three processes')
  expect([await one.held(), await other.held()]).toEqual([true, false])
  await one.release()
  await until(other.held, 'the other is the one')
  expect(await one.held()).toBe(false)
  // It renews its lease as long as it is asked, and is not asked any more from here on.
  await until(third.held, 'a third one is')
  await until(async () => !(await other.held()), 'and the other knows')
  await third.release()
})
