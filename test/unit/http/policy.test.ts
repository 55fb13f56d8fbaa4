/** REST under a policy that asks for a record's owner. The token of `openApp` is the name of the role; its `sub` is `ann`. */
import { describe, expect, test } from 'vitest'
import type { Policy } from '../../../server/access/policy.ts'
import { openApp } from './opened-app.ts'

/** Reps have their own contacts and no accounts; viewers see contacts that are somebody's whom they know. */
const policy: Policy = {
  grants: {
    rep: { contact: { owner: { record: 'write', except: { tags: 'read' } }, anyone: { record: 'none' } } },
    viewer: { contact: { owner: { record: 'read' }, anyone: { record: 'none' } } },
    crm: { '*': { anyone: { record: 'write' } } },
  },
}
const CONTACTS = '/v1/records/contact'

/** Contacts of ann, of bob and of nobody. */
async function openOwned() {
  const opened = openApp({ policy })
  for (const [id, owner] of [
    ['anns', 'ann'],
    ['bobs', 'bob'],
    ['more', 'ann'],
    ['none', null],
  ] as const) {
    const answer = await opened.send('POST', CONTACTS, { id, content: { fields: { owner }, tags: { vip: true } } }, {}, 'crm')
    expect(answer.status).toBe(201)
  }
  return opened
}

const textOf = async (answer: Response | Promise<Response>): Promise<string> =>
  `${(await answer).status} ${await (await answer).text()}`

describe('a record that may not be opened', () => {
  test('P11: looks like one that is not there, on every path', async () => {
    const { get, send } = await openOwned()
    const answers = await Promise.all(
      ['bobs', 'none', 'missing'].flatMap((id) => [
        textOf(get(`${CONTACTS}/${id}`)),
        textOf(get(`${CONTACTS}/${id}?projected=true`)),
        textOf(get(`${CONTACTS}/${id}`, 'viewer')),
        textOf(send('PATCH', `${CONTACTS}/${id}`, { fields: { title: 'Dr' } })),
        textOf(send('PATCH', `${CONTACTS}/${id}`, {}, { 'If-Match': '"99"' })),
        textOf(send('DELETE', `${CONTACTS}/${id}`)),
        textOf(send('POST', `${CONTACTS}/${id}/restore`)),
        textOf(send('POST', `${CONTACTS}/${id}/restore`, { at: 1 })),
        textOf(get(`${CONTACTS}/${id}?at=1`)),
        textOf(get(`${CONTACTS}/${id}/history`)),
        textOf(get(`${CONTACTS}/${id}/conflicts`)),
        textOf(send('POST', `${CONTACTS}/${id}/conflicts/c1/restore`)),
        textOf(send('POST', `${CONTACTS}/${id}/conflicts/c1/dismiss`)),
      ]),
    )
    expect(new Set(answers).size).toBe(1)
    expect(answers[0]).toMatch(/^404 .*"not_found"/)
    expect((await get(`${CONTACTS}/bobs`, 'crm')).status).toBe(200)
  })

  test('P11: looks so deleted, too', async () => {
    const { get, send } = await openOwned()
    await send('DELETE', `${CONTACTS}/bobs`, undefined, {}, 'crm')
    expect([(await get(`${CONTACTS}/bobs`)).status, (await get(`${CONTACTS}/bobs`, 'crm')).status]).toEqual([404, 410])
  })

  test('is left out of lists, which go on behind it', async () => {
    const { get } = await openOwned()
    const idsOf = async (token: string, query = ''): Promise<[string[], string | null]> => {
      const answer = await get(`${CONTACTS}${query}`, token)
      const { items, nextCursor } = (await answer.json()) as { items: { id: string }[]; nextCursor: string | null }
      return [items.map(({ id }) => id), nextCursor]
    }
    expect(await idsOf('rep')).toEqual([['anns', 'more'], null])
    expect(await idsOf('viewer')).toEqual([['anns', 'more'], null])
    expect(await idsOf('crm')).toEqual([['anns', 'bobs', 'more', 'none'], null])
    const [first, cursor] = await idsOf('rep', '?limit=1')
    expect(first).toEqual(['anns'])
    expect(await idsOf('rep', `?limit=1&cursor=${cursor}`)).toMatchObject([['more'], expect.any(String)])
  })

  test('P11: is of a type that looks like no type, if none of that type may be opened', async () => {
    const { get, send } = await openOwned()
    const of = (type: string, token: string) => [
      textOf(get(`/v1/records/${type}`, token)),
      textOf(get(`/v1/records/${type}/a`, token)),
      textOf(send('PUT', `/v1/records/${type}`, {}, {}, token)),
      textOf(send('PATCH', `/v1/records/${type}/a`, {}, {}, 'rep')),
      textOf(send('POST', `/v1/records/${type}`, { content: {} }, {}, 'rep')),
    ]
    const answers = await Promise.all([...of('account', 'rep'), ...of('account', 'viewer'), ...of('invoice', 'rep')])
    expect(new Set(answers).size).toBe(1)
    expect(answers[0]).toMatch(/^404 /)
  })
})

describe('a record that may be opened', () => {
  test('is written but for what the policy excepts', async () => {
    const { send } = await openOwned()
    expect((await send('PATCH', `${CONTACTS}/anns`, { fields: { title: 'Dr' }, tags: { vip: true } })).status).toBe(200)
    const refused = await send('PATCH', `${CONTACTS}/anns`, { fields: { title: 'Prof' }, tags: { new: true } })
    expect([refused.status, await refused.json()]).toEqual([
      403,
      {
        type: 'about:blank',
        title: 'Forbidden',
        status: 403,
        detail: 'no right to write this',
        code: 'forbidden',
        errors: [{ path: ['tags'], code: 'forbidden' }],
      },
    ])
  })

  test('is answered once more to whoever has just given it away', async () => {
    const { get, send } = await openOwned()
    const given = await send('PATCH', `${CONTACTS}/anns`, { fields: { owner: 'bob' } })
    expect([given.status, await given.json()]).toMatchObject([200, { content: { fields: { owner: 'bob' } } }])
    expect((await get(`${CONTACTS}/anns`)).status).toBe(404)
  })
})

test('whoever may write no record at all is told so before a record is looked up', async () => {
  const { send } = await openOwned()
  const answers = await Promise.all(
    ['anns', 'bobs', 'missing'].map((id) => textOf(send('PATCH', `${CONTACTS}/${id}`, {}, {}, 'viewer'))),
  )
  expect(new Set(answers).size).toBe(1)
  expect(answers[0]).toMatch(/^403 /)
})
