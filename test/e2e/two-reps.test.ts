/** The main job: two reps with stock clients on one customer, one of them offline for a while. */
import { account } from '@rapport/shared/records/account.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { editorOf } from '@rapport/shared/schema/edit.ts'
import { readContent } from '@rapport/shared/schema/read-content.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type * as Y from 'yjs'
import { sampleAccounts, sampleContacts, sampleOpportunities } from '../../server/samples/data.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openStock, until } from '../support/stock-client.ts'

let server: TestServer
let annToken: string
let bobToken: string

beforeAll(async () => {
  server = await startTestServer()
  annToken = await server.token('ann')
  bobToken = await server.token('bob')
})
afterAll(() => server.stop())

const sample = sampleContacts[0]?.id as string
const contentOf = (doc: Y.Doc) => readContent(contact, doc)

test('an empty database starts with the samples, as valid records', async () => {
  for (const [type, samples] of Object.entries({
    contact: sampleContacts,
    account: sampleAccounts,
    opportunity: sampleOpportunities,
  })) {
    const answer = await server.get(`/v1/records/${type}?limit=200`, annToken)
    const { items, nextCursor } = (await answer.json()) as { items: { id: string; content: unknown }[]; nextCursor: null }
    expect(items.map(({ id }) => id)).toEqual(samples.map(({ id }) => id).sort())
    expect(nextCursor).toBeNull()
  }
  const one = await server.get(`/v1/records/account/${sampleAccounts[0]?.id}`, annToken)
  const { content } = (await one.json()) as { content: { fields: object } }
  expect(content.fields).toEqual(sampleAccounts[0]?.content.fields)
  expect(account.name).toBe('account')
})

test('P3: two reps edit one customer at once, one of them offline meanwhile; both, a third and REST agree', async () => {
  const ann = openStock(server.address, 'contact', sample, { token: annToken })
  const bob = openStock(server.address, 'contact', sample, { token: bobToken })
  await Promise.all([ann.synced(), bob.synced()])
  expect(contentOf(ann.doc)).toEqual(contentOf(bob.doc))
  const [entry] = Object.keys(contentOf(ann.doc).emails as object)
  if (entry === undefined) throw new Error('the sample has an e-mail address')

  bob.provider.disconnect()
  await until(() => !bob.provider.wsconnected, 'Bob is offline')
  const annEdits = editorOf(contact, ann.doc)
  const bobEdits = editorOf(contact, bob.doc)
  annEdits.set('title', 'Director')
  annEdits.set('stage', 'customer')
  annEdits.set('department', 'North')
  annEdits.setColumn('emails', entry, 'label', 'work')
  annEdits.add('tags', 'vip')
  ann.doc.getText('summary').insert(0, 'Ann was here. ')
  bobEdits.set('department', 'South')
  bobEdits.set('salutation', 'Dr')
  bobEdits.setColumn('emails', entry, 'address', 'bob@example.com')
  bobEdits.add('tags', 'trade-fair')
  bob.doc.getText('summary').insert(bob.doc.getText('summary').length, ' Bob too.')
  await until(async () => (await recordOf(server, annToken)).content.fields.title === 'Director', 'Ann’s edits are stored')
  // If anything but the server relayed, Bob would have Ann's edits by now.
  expect(contentOf(bob.doc).fields.title).not.toBe('Director')

  bob.provider.connect()
  await until(
    () => contentOf(ann.doc).fields.salutation === 'Dr' && contentOf(bob.doc).fields.title === 'Director',
    'both are in step',
  )
  const carol = openStock(server.address, 'contact', sample, { token: await server.token('carol', 'viewer') })
  await carol.synced()
  await until(() => JSON.stringify(contentOf(ann.doc)) === JSON.stringify(contentOf(carol.doc)), 'the third agrees')

  const content = contentOf(ann.doc)
  expect(contentOf(bob.doc)).toEqual(content)
  expect(contentOf(carol.doc)).toEqual(content)
  expect((await recordOf(server, annToken)).content).toEqual(content)
  expect(content.fields).toMatchObject({ title: 'Director', stage: 'customer', salutation: 'Dr' })
  expect(['North', 'South']).toContain(content.fields.department)
  expect((content.emails as Record<string, object>)[entry]).toMatchObject({ label: 'work', address: 'bob@example.com' })
  expect(content.tags).toMatchObject({ vip: true, 'trade-fair': true })
  expect(content.summary).toMatch(/^Ann was here\. .* Bob too\.$/s)
  for (const rep of [ann, bob, carol]) rep.destroy()
})

async function recordOf(from: TestServer, token: string) {
  const answer = await from.get(`/v1/records/contact/${sample}`, token)
  const record = (await answer.json()) as { sequence: number; content: ReturnType<typeof contentOf> }
  expect(answer.headers.get('etag')).toBe(`"${record.sequence}"`)
  return record
}
