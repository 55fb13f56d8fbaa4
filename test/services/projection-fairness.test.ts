/** P7: whatever others ask for or hold, a record's edit is shown soon. */
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../server/db.ts'
import { silent } from '../support/database.ts'
import { freshTenant, recordKey } from '../support/entries.ts'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'
import { onStage } from '../support/projection-suite.ts'
import { until } from '../support/stock-client.ts'

let server: TestPostgres
let database: Database
let crm: postgres.Sql
beforeAll(async () => {
  server = await openPostgres()
  database = await openDatabase({ databaseUrl: server.url, dataDirectory: '' }, silent)
  crm = postgres(server.url, { max: 1, onnotice: () => undefined })
})
afterAll(async () => {
  await crm.end()
  await database.close()
  await server.close()
})

test('P7: many who read their own writes without end keep nobody else’s edit from being shown', () =>
  onStage(database.sql, async (stage) => {
    const tenant = freshTenant()
    const projector = stage.projector()
    projector.start()
    let ended = false
    const readers = Array.from({ length: 24 }, async (_, n) => {
      const key = recordKey(`reader${n}`, tenant)
      for (let sequence = 1; !ended; sequence += 1) {
        await stage.edit(key, (editor) => editor.set('title', `${sequence}`))
        projector.wake()
        expect(await projector.reached(key, sequence, 20_000)).toBe(true)
      }
    })
    try {
      for (const id of ['a', 'z']) {
        const key = recordKey(id, tenant)
        await stage.edit(key, (editor) => editor.set('title', 'Quiet'))
        await until(async () => (await stage.rows(key)) !== undefined, `${id} is shown`)
      }
    } finally {
      ended = true
      await Promise.all(readers)
    }
  }))

test('P7: child rows of many records in a CRM’s open transaction keep no other record’s edit from being shown', () =>
  onStage(database.sql, async (stage) => {
    const tenant = freshTenant()
    const keys = Array.from({ length: 120 }, (_, n) => recordKey(`r${String(n).padStart(3, '0')}`, tenant))
    const label = (value: string) =>
      Promise.all(keys.map((key) => stage.edit(key, (editor) => editor.addEntry('emails', { label: value }, { id: 'e1' }))))
    await label('first')
    const projector = stage.projector({ recordsAtOnce: 32 })
    await projector.drain()
    await crm.begin(async (session) => {
      await session`select 1 from contact_emails where tenant = ${tenant} for update`
      await label('second')
      projector.start()
      for (const id of ['z1', 'a1', 'z2']) {
        const key = recordKey(id, tenant)
        await stage.edit(key, (editor) => editor.set('title', 'Free'))
        projector.wake()
        await until(async () => (await stage.rows(key)) !== undefined, `${id} is shown`)
      }
      expect(await stage.wrong(tenant)).toHaveLength(keys.length)
    })
    await until(async () => (await stage.wrong(tenant)).length === 0, 'all are shown once they are free', 20_000)
    expect(await stage.marks(tenant)).toEqual([])
  }))
