/** Writing over REST while the server is told to stop. */
import { rm } from 'node:fs/promises'
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { expect, inject, test } from 'vitest'
import { copyFolder, MAIN, testEnvironment } from '../support/data-folder.ts'
import { mintLocalToken } from '../support/local-token.ts'
import { recordIn, restClient } from '../support/rest-client.ts'
import { startServer } from '../support/server-process.ts'
import { until } from '../support/stock-client.ts'

const CONTACTS = '/v1/records/contact'
const WRITERS = 20

/** One connection, kept open until the server says that an answer was its last. */
function connectionTo(address: string, token: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const send = (method: string, path: string, body: object): Promise<{ status: number; headers: IncomingHttpHeaders }> =>
    new Promise((resolve, reject) => {
      const text = JSON.stringify(body)
      const headers = { Authorization: `Bearer ${token}`, 'Content-Length': Buffer.byteLength(text) }
      request(`http://${address}${path}`, { method, agent, headers }, (answer) => {
        answer.on('error', reject).on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers }))
        answer.resume()
      })
        .on('error', reject)
        .end(text)
    })
  return { send, close: () => agent.destroy() }
}

test('P1, P2: every write that SIGTERM overtakes and that is made is answered; one that is refused or cut off was not begun', async () => {
  const folder = await copyFolder(inject('preparedFolder'))
  try {
    for (let round = 0; round < 3; round += 1) {
      const server = await startServer(MAIN, testEnvironment(folder))
      const token = await mintLocalToken(folder, 'demo', 'ann')
      const [made, refused, unanswered]: [string[], string[], string[]] = [[], [], []]
      /** Creates a record, and then patches it again and again, until it is told to stop. */
      const write = async (name: string): Promise<void> => {
        const connection = connectionTo(server.address, token)
        for (let index = 0, last = false; !last; index += 1) {
          const content = { tags: { [`t${index}`]: true } }
          const answer =
            index === 0
              ? connection.send('POST', CONTACTS, { id: name, content })
              : connection.send('PATCH', `${CONTACTS}/${name}`, content)
          const { status, headers } = await answer.catch(() => ({ status: 0, headers: { connection: 'close' } }))
          const outcome = status === 200 || status === 201 ? made : status === 503 ? refused : unanswered
          outcome.push(`${name} t${index}`)
          last = headers.connection === 'close'
        }
        connection.close()
      }
      const writers = Array.from({ length: WRITERS }, (_, index) => write(`r${round}-${index}`))
      await until(() => made.length >= 5 * WRITERS, 'writing is under way')
      await server.stop()
      await Promise.all(writers)

      const again = await startServer(MAIN, testEnvironment(folder))
      const client = restClient(again.address, token)
      const there = new Set<string>()
      for (let index = 0; index < WRITERS; index += 1) {
        const name = `r${round}-${index}`
        const { content } = recordIn(await client.get(`${CONTACTS}/${name}`))
        for (const tag of Object.keys(content.tags ?? {})) there.add(`${name} ${tag}`)
      }
      await again.stop()
      // A connection at rest may be closed while a request is on its way to it (RFC 9112, 9.5): such a request was not begun.
      expect(unanswered.filter((write) => there.has(write))).toEqual([])
      expect(unanswered.length).toBeLessThan(WRITERS)
      expect(made.filter((write) => !there.has(write))).toEqual([])
      expect(refused.filter((write) => there.has(write))).toEqual([])
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
