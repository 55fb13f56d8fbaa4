/** What the parameters of a list's URL come to: the query that rows are asked, and the refusals, which name fields and never values. */
import { expect, test } from 'vitest'
import { compileShipped } from '../../../drizzle/mappings/mappings.ts'
import type { Policy } from '../../../server/access/policy.ts'
import type { RowPlace, RowQuery } from '../../../server/projection/list-statement.ts'
import { listedFields } from '../../../server/projection/listed-fields.ts'
import type { RowLists } from '../../../server/projection/row-lists.ts'
import { openApp } from './opened-app.ts'

const PATH = '/v1/records/contact'

interface Page {
  readonly items: { readonly id: string; readonly content: object }[]
  readonly nextCursor: string | null
}

/** Rows that answer with these places, whatever is asked, and keep the questions. */
function fakeRows(places: readonly string[] = []) {
  const asked: RowQuery[] = []
  const fields = new Map(compileShipped().map((plan) => [plan.type.name, listedFields(plan)]))
  const rows: RowLists = (type) => {
    const listed = fields.get(type)
    if (listed === undefined || type === 'opportunity') return undefined
    return {
      fields: listed,
      searched: type === 'contact',
      async page(query) {
        asked.push(query)
        const start = query.after === undefined ? 0 : places.indexOf(query.after.id) + 1
        return places
          .slice(start, start + query.limit)
          .map((id) => ({ id, keys: query.sort.map(() => `of ${id}`) }) as unknown as RowPlace<never>)
      },
    }
  }
  return { rows, asked }
}

const param = (name: string, value: string) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`
const asked = async (...params: readonly [string, string][]) => {
  const { rows, asked: questions } = fakeRows()
  const { get } = openApp({ rows })
  const answer = await get(`${PATH}?${params.map(([name, value]) => param(name, value)).join('&')}`)
  if (answer.status !== 200) throw new Error(await answer.text())
  const [query] = questions
  return {
    ...query,
    conditions: query?.conditions.map(({ field, operator, values }) => [field.column, operator, ...values]),
    sort: query?.sort.map(({ field, descending }) => [field.column, descending]),
  }
}

test('filters become conditions on columns, each value as its column holds it', async () => {
  const { conditions } = await asked(
    ['filter[stage]', 'customer'],
    ['filter[creditLimit][gte]', '1000'],
    ['filter[creditLimit][lt]', '2000.50'],
    ['filter[lastName][like]', '50%_'],
    ['filter[owner][null]', 'true'],
    ['filter[account][in]', 'a1,a2'],
    ['filter[title][in]', 'Sales\\, west,,a\\\\b'],
    ['filter[doNotCall]', 'false'],
    ['filter[birthday][gt]', '2000-01-01'],
    ['filter[createdAt][lte]', '2026-01-02T03:04:05Z'],
    ['filter[sequence][ne]', '7'],
    ['filter[id]', 'c1'],
  )
  expect(conditions).toEqual([
    ['stage', 'eq', 'customer'],
    ['credit_limit', 'gte', '1000'],
    ['credit_limit', 'lt', '2000.50'],
    ['last_name', 'like', '50%_'],
    ['owner', 'null', true],
    ['account_id', 'in', 'a1', 'a2'],
    ['title', 'in', 'Sales, west', '', 'a\\b'],
    ['do_not_call', 'eq', false],
    ['birthday', 'gt', '2000-01-01'],
    ['created_at', 'lte', '2026-01-02T03:04:05Z'],
    ['sequence', 'ne', 7],
    ['id', 'eq', 'c1'],
  ])
})

test('a sort names fields, and ends with the id', async () => {
  expect(await asked(['sort', '-lastName,firstName,-id,title'])).toMatchObject({
    sort: [
      ['last_name', true],
      ['first_name', false],
    ],
    idDescending: true,
  })
  expect(await asked(['q', " Ann-Marie, o'neil ANN "])).toMatchObject({ words: ['Ann', 'Marie', 'o', 'neil', 'ANN'], sort: [] })
})

test('rows are of the tenant, deleted ones only if asked for; a plain list does not ask rows at all', async () => {
  const { rows, asked: questions } = fakeRows()
  const { get, put } = openApp({ rows })
  await put('a')
  await get(`${PATH}?sort=id`)
  await get(`${PATH}?sort=id&deleted=true`)
  expect(questions).toMatchObject([
    { tenant: 'demo', deleted: false, limit: 50 },
    { tenant: 'demo', deleted: true },
  ])
  expect(((await (await get(`${PATH}?limit=1&fields=title`)).json()) as Page).items).toHaveLength(1)
  expect(questions).toHaveLength(2)
})

test('400 names the parameter, the field or the operator that cannot be taken, and no value', async () => {
  const long = 'x'.repeat(2_101)
  const cases: readonly (readonly [string, string, string])[] = [
    ['filter[nickname]', 'Secret', 'lists of this type know no field nickname'],
    ['filter[first_name]', 'Secret', 'lists of this type know no field first_name'],
    ['filter[summary]', 'Secret', 'lists of this type know no field summary'],
    ['filter[tenant]', 'Secret', 'lists of this type know no field tenant'],
    ['filter[__proto__]', 'Secret', 'lists of this type know no field __proto__'],
    ['filter[title][near]', 'Secret', 'title takes no near, but eq, ne, lt, lte, gt, gte, in, like, null'],
    ['filter[stage][gt]', 'lead', 'stage takes no gt, but eq, ne, in, null'],
    ['filter[birthday][like]', '19', 'birthday takes no like, but eq, ne, lt, lte, gt, gte, in, null'],
    ['filter', 'Secret', 'a filter is filter[FIELD] or filter[FIELD][OPERATOR]'],
    ['filter[a][b][c]', 'Secret', 'a filter is filter[FIELD] or filter[FIELD][OPERATOR]'],
    ['filter[]', 'Secret', 'a filter is filter[FIELD] or filter[FIELD][OPERATOR]'],
    ['filter[stage]', 'Secret', 'filter[stage] has a value that does not fit one of lead, qualified, customer, former'],
    ['filter[creditLimit]', '1e3', 'filter[creditLimit] has a value that does not fit an amount of money'],
    ['filter[birthday]', '2023-02-29', 'filter[birthday] has a value that does not fit a date, YYYY-MM-DD'],
    ['filter[createdAt]', '2026-01-01', 'filter[createdAt] has a value that does not fit a time, RFC 3339 in UTC'],
    ['filter[doNotCall]', 'yes', 'filter[doNotCall] has a value that does not fit a boolean'],
    ['filter[sequence]', '1e999', 'filter[sequence] has a value that does not fit a number'],
    ['filter[sequence]', '1.5', 'filter[sequence] has a value that does not fit a number'],
    ['filter[account]', 'no id', 'filter[account] has a value that does not fit an id'],
    ['filter[title]', 'a\0b', 'filter[title] has a value that does not fit text of at most 2100 characters'],
    ['filter[title]', long, 'filter[title] has a value that does not fit text of at most 2100 characters'],
    ['filter[title][in]', 'a,'.repeat(100), 'filter[title][in] takes at most 100 values'],
    ['filter[owner][null]', 'maybe', 'filter[owner][null] must be true or false'],
    ['sort', 'nickname', 'lists of this type cannot be sorted by "nickname"'],
    ['sort', 'title desc', 'lists of this type cannot be sorted by "title desc"'],
    ['sort', 'title,', 'lists of this type cannot be sorted by ""'],
    ['sort', 'title,-title', 'sort names title twice'],
    ['sort', '', 'sort must be given once, with a value'],
    ['sort', 'title,owner,stage,birthday,website,currency', 'sort takes at most 5 fields'],
    ['q', '--', 'q holds no word'],
    ['q', '', 'q must be given once, with a value'],
    ['q', 'a b c d e f g h i', 'q takes at most 8 words'],
    ['q', 'x'.repeat(201), 'q takes text of at most 200 characters'],
    ['fields', 'title,nickname', 'fields: records of this type have no "nickname"'],
    ['fields', 'meta', 'fields: records of this type have no "meta"'],
    ['cursor', 'r1', 'cursor must come from an earlier answer'],
  ]
  const { get } = openApp({ rows: fakeRows().rows })
  for (const [name, value, detail] of cases) {
    const sorted = name === 'cursor' ? '&sort=title' : ''
    const answer = await get(`${PATH}?${param(name, value)}${sorted}`)
    expect([name, value, answer.status, await answer.json()]).toMatchObject([name, value, 400, { code: 'malformed', detail }])
  }
  const crowd = Array.from({ length: 21 }, () => param('filter[title][ne]', 'x')).join('&')
  expect((await get(`${PATH}?${crowd}`)).status).toBe(400)
  expect((await get(`${PATH}?sort=id&sort=id`)).status).toBe(400)
  expect((await get('/v1/records/opportunity?sort=id')).status).toBe(400)
  expect((await get('/v1/records/account?q=x')).status).toBe(400)
})

test('a cursor begins behind the last row, and is good for its own order alone', async () => {
  const { rows, asked: questions } = fakeRows(['a', 'b', 'c'])
  const { get, put } = openApp({ rows })
  for (const id of ['a', 'b', 'c']) await put(id)
  const first = (await (await get(`${PATH}?sort=-title&limit=2`)).json()) as Page
  expect(first.items.map(({ id }) => id)).toEqual(['a', 'b'])
  const second = (await (await get(`${PATH}?sort=-title&limit=2&cursor=${first.nextCursor}`)).json()) as Page
  expect([second.items.map(({ id }) => id), second.nextCursor]).toEqual([['c'], null])
  expect(questions.at(-1)?.after).toEqual({ id: 'b', keys: ['of b'] })
  for (const other of ['title', '-lastName', '-title,owner', 'id']) {
    expect([other, (await get(`${PATH}?sort=${other}&cursor=${first.nextCursor}`)).status]).toEqual([other, 400])
  }
  expect((await get(`${PATH}?cursor=${first.nextCursor}`)).status).toBe(400)
})

test('items are the records themselves, without those that are deleted or gone by now', async () => {
  const { rows } = fakeRows(['a', 'deleted', 'never', 'b'])
  const { get, put, registry } = openApp({ rows })
  await put('a')
  await put('deleted', 5)
  await put('b')
  const page = (await (await get(`${PATH}?q=x`)).json()) as Page
  expect(page).toMatchObject({
    items: [{ id: 'a', content: { fields: { lastName: 'a' }, summary: '' } }, { id: 'b' }],
    nextCursor: null,
  })
  expect(registry.acquired).toBe(0)
})

test('fields leaves of the content only what it names', async () => {
  const { get, put } = openApp()
  await put('a', undefined, 'Met.')
  const [whole] = ((await (await get(PATH)).json()) as Page).items
  const contentWith = async (names: string) => {
    const [item] = ((await (await get(`${PATH}?fields=${names}`)).json()) as Page).items
    expect({ ...item, content: undefined }).toEqual({ ...whole, content: undefined })
    return item?.content
  }
  expect(await contentWith('firstName,emails')).toEqual({ fields: {}, emails: {} })
  expect(await contentWith('lastName,summary')).toEqual({ fields: { lastName: 'a' }, summary: 'Met.' })
  expect(await contentWith('summary')).toEqual({ summary: 'Met.' })
  expect(await contentWith('fields,x_score')).toEqual({ fields: { lastName: 'a' } })
})

test('P11: where records are seen by their owner, rows are asked for with the reader, and those of others do not show in cursors', async () => {
  const policy: Policy = {
    grants: { rep: { contact: { owner: { record: 'write' }, team: { record: 'read' }, anyone: { record: 'none' } } } },
  }
  const { rows, asked: questions } = fakeRows(['foreign'])
  const { get, put } = openApp({ rows, policy })
  await put('foreign')
  expect(await (await get(`${PATH}?sort=lastName`)).json()).toEqual({ items: [], nextCursor: null })
  expect(questions[0]?.sight).toEqual({
    column: 'owner',
    sub: 'ann',
    teams: [],
    opens: { owner: true, team: true, anyone: false },
  })
  expect((await get('/v1/records/account?sort=name')).status).toBe(404)
})
