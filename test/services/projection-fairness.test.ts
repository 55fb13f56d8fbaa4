/** P7: whatever others ask for or hold, a record's edit is shown soon. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../server/db.ts'
import { silent } from '../support/database.ts'
import { freshTenant, recordKey } from '../support/entries.ts'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'
import { onStage } from '../support/projection-suite.ts'
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
