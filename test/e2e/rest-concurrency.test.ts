/** Many writes of one record at once: each is judged on what those before it made, and none holds up the others. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RestClient, recordIn, restClient } from '../support/rest-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const CONTACTS = '/v1/records/contact'

let server: TestServer
let crm: RestClient
beforeAll(async () => {
  server = await startTestServer({ RAPPORT_RATE_UPDATES_PER_S: '0', RAPPORT_RATE_BYTES_PER_S: '0' })
  crm = restClient(server.address, await server.token('crm', 'crm'))
})
afterAll(() => server.stop())

test('P10: a burst of large patches is made piece by piece, so that everybody else has a turn in between', async () => {
  await crm.post(CONTACTS, { id: 'burst', content: {} })
  // Each takes a good part of a second at worst: 2,000 entries made, and as many removed.
  const ids = (name: string): readonly string[] => Array.from({ length: 2_000 }, (_, index) => `${name}${index}`)
  const patch = (added: string, removed: string) => ({
    activities: Object.fromEntries([
      ...ids(added).map((id) => [id, { subject: added }]),
      ...ids(removed).map((id) => [id, null]),
    ]),
  })
  const [even, odd] = [patch('a', 'b'), patch('b', 'a')]
  // More than one turn takes by far, and few enough that on a loaded machine the last one still has its commit within 10 s.
  const burst = Array.from({ length: 4 }, (_, index) => crm.patch(`${CONTACTS}/burst`, index % 2 === 0 ? even : odd))
  const answers = await Promise.all(burst)
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  const { sequence, content } = recordIn(await crm.get(`${CONTACTS}/burst`))
  expect(Object.keys(content.activities ?? {})).toHaveLength(2_000)
  // In one piece, that of its creation would be followed by one more.
  expect(sequence).toBeGreaterThan(2)
})

test('of two patches on a state that is only about to be, beside the one that makes it, never both are made', async () => {
  const path = `${CONTACTS}/next`
  await crm.post(CONTACTS, { id: 'next', content: {} })
  for (let round = 0; round < 30; round += 1) {
    const { sequence } = recordIn(await crm.get(path))
    const next = { 'If-Match': `"${sequence + 1}"` }
    const [, ...answers] = await Promise.all([
      crm.patch(path, { fields: { title: `t${round}` } }),
      crm.patch(path, { fields: { department: `a${round}` } }, next),
      crm.patch(path, { fields: { department: `b${round}` } }, next),
    ])
    expect([round, answers.filter(({ status }) => status === 200).length < 2]).toEqual([round, true])
  }
})
