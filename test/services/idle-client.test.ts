/** A stock client that is left alone does not reconnect. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openStock } from '../support/stock-client.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test('SPEC 16: a stock client left alone for 2 minutes opens one connection', async () => {
  const client = openStock(server.address, 'contact', 'left-alone', { token: await server.token('ann') })
  await client.synced()
  await new Promise((resolve) => setTimeout(resolve, 120_000))
  expect(client.connections()).toBe(1)
  expect(client.provider.synced).toBe(true)
  client.destroy()
})
