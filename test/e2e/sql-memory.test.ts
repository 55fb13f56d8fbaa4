/** What the guests of the embedded database make the process hold in memory, on a database that answers as much as it is asked to. */
import { createServer, type Server } from 'node:net'
import { systemClock } from '@rapport/shared/clock.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAllowance } from '../../server/embedded/allowance.ts'
import { serveConnection } from '../../server/embedded/connection.ts'
import { freePort } from '../support/postgres.ts'
import { frontend, openRawPostgres } from '../support/raw-postgres.ts'

describe('P10: what guests make the process hold', () => {
  /** Several times what the kernel keeps of an unread answer. */
  const LIMIT = 20_000_000
  const ROW = Buffer.concat([Buffer.from('D'), Buffer.from([0, 0, 0x27, 0x10]), Buffer.alloc(9_996, 'x')])
  const DONE = Buffer.from('Z\0\0\0\u0005I', 'latin1')
  const reached: string[] = []
  let fake: Server
  let at: number

  /** A database that answers a query with as many rows of 10 kB as its text says, all at once, as PGlite does. */
  beforeAll(async () => {
    const allowance = createAllowance(LIMIT)
    fake = createServer((socket) =>
      serveConnection(socket, {
        clock: systemClock,
        allowance,
        own: false,
        admit: () => () => undefined,
        newPrefix: () => 'g_',
        reached: (limit) => reached.push(limit),
        enter: () => ({
          async submit({ messages }, answer) {
            const rows = Number(Buffer.from(messages.subarray(5, -1)).toString()) || 0
            // In pieces that have nothing to do with messages.
            const whole = Buffer.concat([...Array.from({ length: rows }, () => ROW), DONE])
            for (let n = 0; n < whole.length; n += 8_192) answer(whole.subarray(n, n + 8_192))
          },
          leave: () => Promise.resolve(),
        }),
      }),
    )
    at = await freePort()
    await new Promise<void>((resolve) => fake.listen(at, '127.0.0.1', resolve))
  })
  afterAll(() => fake.close())
  const rows = (count: number): Buffer => frontend('Q', `${count}\0`)

  test('is bounded for an answer: it is cut between two rows, and says so', async () => {
    const client = await openRawPostgres({ host: '127.0.0.1', port: at })
    client.send(rows(1_500))
    expect((await client.ready()).length).toBe(1_501)
    client.send(rows(4_000))
    const answers = await client.closed
    expect(answers.at(-1)).toMatch(/^E SFATAL VFATAL C54000 M/)
    expect(new Set(answers.slice(0, -1).map((answer) => answer[0]))).toEqual(new Set(['D']))
    expect(answers.length).toBeGreaterThan(1_500)
    expect(answers.length).toBeLessThan(3_500)
    expect(reached.splice(0)).toEqual(['memory'])
  })

  test('is bounded for a request', async () => {
    const client = await openRawPostgres({ host: '127.0.0.1', port: at })
    client.send(Buffer.from([0x51, 0x3b, 0x9a, 0xca, 0]), Buffer.alloc(2 * LIMIT))
    expect((await client.closed).at(-1)).toMatch(/^E SFATAL VFATAL C54000 M/)
    expect(reached.splice(0)).toEqual(['memory'])
  })

  test('costs those who do not read, not those who ask for little', async () => {
    const stuck = await openRawPostgres({ host: '127.0.0.1', port: at })
    stuck.socket.pause()
    stuck.send(rows(1_900))
    const client = await openRawPostgres({ host: '127.0.0.1', port: at })
    for (let round = 0; round < 10; round++) {
      client.send(rows(950))
      expect((await client.ready()).length).toBe(951)
    }
    stuck.socket.resume()
    expect((await stuck.closed).length).toBeLessThan(1_900)
    client.socket.destroy()
  })
})
