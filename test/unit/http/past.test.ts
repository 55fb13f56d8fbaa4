/** What the routes about the past answer when things go wrong, or too many ask at once. */
import { SyncError } from '@rapport/shared/errors.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { entryOf, recordKey } from '../../support/entries.ts'
import { createMemoryLogStore } from '../../support/memory-log-store.ts'
import { openApp } from './opened-app.ts'

const RECORD = '/v1/records/contact/a'

/** The stored log of a record with one entry, in which it has a title. */
async function storedLog() {
  const memory = createMemoryLogStore()
  const document = new Y.Doc()
  document.getMap('fields').set('title', 'Buyer')
  const key = { ...recordKey('a'), tenant: 'demo' as never, type: contact.name }
  await memory.insert([entryOf(key, undefined, { update: Y.encodeStateAsUpdate(document) })])
  return memory
}

test('a database that does not answer is unavailable, wherever it is asked', async () => {
  const away = (): Promise<never> => Promise.reject(new Error('no connection'))
  const { get, send, put } = openApp({
    review: { history: away, conflicts: away, conflict: away, heldBack: away },
  })
  await put('a')
  const answers = await Promise.all([
    get(`${RECORD}/history`),
    get(`${RECORD}/conflicts`),
    send('POST', `${RECORD}/conflicts/c1/restore`),
    send('POST', `${RECORD}/conflicts/c1/dismiss`),
    get('/v1/quarantine', 'admin'),
  ])
  for (const { status, headers } of answers) expect([status, headers.get('retry-after')]).toEqual([503, '1'])
})

test('P10: only so many replay a record at once; more wait, and too many are told to come back', async () => {
  const memory = await storedLog()
  const waiting: (() => void)[] = []
  const { get, put, limitsHit } = openApp({
    updateLog: {
      load: async (key) => {
        await new Promise<void>((resolve) => waiting.push(resolve))
        return memory.load(key)
      },
    },
  })
  await put('a')
  const [most, line] = [4, 32]
  const asked = Array.from({ length: most + line + 3 }, () => get(`${RECORD}?at=1`))
  const answers = Promise.all(asked.map(async (answer) => (await answer).status))
  while (limitsHit.length < 3 || waiting.length < most) await new Promise((resolve) => setImmediate(resolve))
  expect([waiting.length, limitsHit]).toEqual([most, ['pasts', 'pasts', 'pasts']])
  let served = 0
  while (served < most + line) {
    for (const go of waiting.splice(0)) {
      served += 1
      go()
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  const counts = Object.groupBy(await answers, String)
  expect([counts['200']?.length, counts['503']?.length]).toEqual([most + line, 3])
})

test('a restore that its client has given up is not made any more', async () => {
  const memory = await storedLog()
  const { send, put, registry } = openApp({ updateLog: { load: memory.load } })
  await put('a')
  const room = registry.rooms.get('a')
  if (room === undefined) throw new Error('no room')
  const { edit } = room
  let later: (() => Promise<unknown>) | undefined
  room.edit = (by, change, precondition, terms) => {
    later = () => edit(by, change, precondition, terms)
    return Promise.reject(new SyncError('overload', 'the commit takes too long'))
  }
  expect((await send('POST', `${RECORD}/restore`, { at: 1 })).status).toBe(503)
  await expect(later?.()).rejects.toMatchObject({ code: 'overload' })
  expect(room.document.getMap('fields').toJSON()).toEqual({ lastName: 'a' })
})

test('P11: nobody is told of a record that may not be opened, whatever is asked of it', async () => {
  const { get, send, put } = openApp()
  await put('a')
  const asked = (token: string, id: string) => [
    get(`/v1/records/contact/${id}/history`, token),
    get(`/v1/records/contact/${id}/conflicts`, token),
    get(`/v1/records/contact/${id}?at=1`, token),
    send('POST', `/v1/records/contact/${id}/restore`, { at: 1 }, {}, token),
    send('POST', `/v1/records/contact/${id}/conflicts/c1/restore`, undefined, {}, token),
    send('POST', `/v1/records/contact/${id}/conflicts/c1/dismiss`, undefined, {}, token),
  ]
  const missing = await Promise.all(asked('rep', 'none'))
  const hidden = await Promise.all(asked('nobody', 'a'))
  const texts = await Promise.all([...missing, ...hidden].map((answer) => answer.text()))
  expect([...missing, ...hidden].map(({ status }) => status)).toEqual(Array(12).fill(404))
  expect(new Set(texts).size).toBe(1)
})
