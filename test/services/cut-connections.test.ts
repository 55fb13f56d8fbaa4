/** Connections to Postgres that are cut again and again, also while they are being made. */
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { until } from '../support/stock-client.ts'

let database: TestPostgres
let server: TestServer
beforeAll(async () => {
  database = await openPostgres()
  server = await startTestServer({ DATABASE_URL: database.url })
})
afterAll(async () => {
  await server.stop()
  await database.close()
})

const ROUNDS = 40
/** More than the pool has connections. */
const MOST_TRIES = 12

test('P1: the server outlives every cut of its connections, and keeps what it acknowledged', async () => {
  const token = await server.token('ann')
  const headers = { Authorization: `Bearer ${token}` }
  const url = `http://${server.address}/v1/records/contact`
  const knife = postgres(database.url, { max: 1 })
  const acknowledged = new Map<string, number>()
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const content = (n: number) => JSON.stringify({ content: { fields: { lastName: `Round ${round}`, x_n: n } } })
      const made = [0, 1, 2, 3].map(async (n) => {
        const id = `cut-${round}-${n}`
        const answer = await fetch(url, { method: 'POST', headers, body: content(n).replace('{', `{"id":"${id}",`) })
        if (answer.status === 201) acknowledged.set(id, n)
      })
      // Time and again while they come back: some are cut before they have said their first word.
      for (let cut = 0; cut < 10; cut += 1) {
        await knife`
          select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
      }
      await Promise.all(made)
    }
  } finally {
    await knife.end()
  }
  expect(acknowledged.size).toBeGreaterThan(0)
  await until(async () => (await fetch(`http://${server.address}/readyz`)).ok, 'it is ready again', 20_000)
  for (const [id, n] of acknowledged) {
    // A connection that was cut is found out by whoever uses it next, and is told to come back.
    let answer = await fetch(`${url}/${id}`, { headers })
    for (let tries = 1; answer.status === 503 && tries < MOST_TRIES; tries += 1) answer = await fetch(`${url}/${id}`, { headers })
    expect(await answer.json()).toMatchObject({ content: { fields: { x_n: n } } })
  }
})
