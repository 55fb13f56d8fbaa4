/** Two instances on one Postgres: whoever follows the feed at one of them sees what was written at the other, also when that one dies. */
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { copyFolder, MAIN, testEnvironment } from '../support/data-folder.ts'
import { openStream } from '../support/event-stream.ts'
import type { CloudEvent } from '../support/feed-stage.ts'
import { mintLocalToken } from '../support/local-token.ts'
import { openPostgres, type TestPostgres } from '../support/postgres.ts'
import { recordIn, restClient } from '../support/rest-client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { until } from '../support/stock-client.ts'

const CONTACTS = '/v1/records/contact'

let postgres: TestPostgres
let folder: string
const servers: ServerProcess[] = []
beforeAll(async () => {
  postgres = await openPostgres()
  folder = await copyFolder(inject('preparedFolder'))
  const environment = { ...testEnvironment(folder), DATABASE_URL: postgres.url, LOG_LEVEL: 'fatal' }
  for (let n = 0; n < 2; n += 1) servers.push(await startServer(MAIN, environment))
})
afterAll(async () => {
  for (const server of servers) await server.stop()
  await postgres.close()
  await rm(folder, { recursive: true, force: true })
})

test('P6: a stream at one instance has every event of both, once, while the other is killed in the middle of writing', async () => {
  const [here, there] = servers
  if (here === undefined || there === undefined) throw new Error('two instances')
  const token = await mintLocalToken(folder, 'demo', 'crm', 'crm')
  const stream = await openStream(here.address, token)
  const acknowledged = new Set<string>()
  const write = async (address: string, name: string): Promise<void> => {
    const client = restClient(address, token)
    for (let n = 0; n < 40; n += 1) {
      const id = `${name}-${n}`
      recordIn(await client.post(CONTACTS, { id, content: { fields: { title: 'X' } } }))
      acknowledged.add(`contact/${id}`)
    }
  }
  const dying = write(there.address, 'there').catch(() => undefined)
  const staying = write(here.address, 'here')
  await until(() => acknowledged.size >= 20, 'writing is under way')
  await there.kill()
  await Promise.all([dying, staying])
  const missing = (): string[] => {
    const seen = new Set(stream.events.map(({ event }) => event.subject))
    return [...acknowledged].filter((subject) => !seen.has(subject))
  }
  await until(() => missing().length === 0, 'every acknowledged record is streamed', 30_000)
  expect(stream.events.map(({ cursor }) => Number(cursor))).toEqual(stream.events.map((_, index) => index + 1))
  const { body } = await restClient(here.address, token).get('/v1/changes?limit=1000')
  const { items } = body as { items: CloudEvent[] }
  expect(items.slice(0, stream.events.length)).toEqual(stream.events.map(({ event }) => event))
  stream.close()
})
