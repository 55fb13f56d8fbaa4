/** Lists by rows, on a database of either kind: order, pages and conditions beside an oracle in memory, and what hostile names and values do. */
import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { compileShipped } from '../../drizzle/mappings/mappings.ts'
import type { Sql } from '../../server/db.ts'
import type { RowCondition, RowPlace, RowQuery, Sight, SortKey } from '../../server/projection/list-statement.ts'
import type { ListedField } from '../../server/projection/listed-fields.ts'
import { createRowLists, type RowList } from '../../server/projection/row-lists.ts'

const TENANT = 'lists'

/** A row, as the oracle knows it: by field. */
interface Held {
  readonly id: string
  readonly fields: Readonly<Record<string, string | number | boolean | null>>
}

const NAMES = [
  'Ada',
  'ada',
  'Ádám',
  'Ann-Marie',
  "O'Neil",
  '100%',
  'a_b',
  'a\\b',
  '\u{1F600}',
  '',
  '"); drop table contacts; --',
  '$1',
]
const COLUMNS: Readonly<Record<string, { readonly column: string; readonly values: readonly (string | number | boolean)[] }>> = {
  firstName: { column: 'first_name', values: NAMES },
  title: { column: 'title', values: ['Dr', 'Prof', 'Dr'] },
  stage: { column: 'stage', values: ['lead', 'customer', 'former'] },
  birthday: { column: 'birthday', values: ['1980-02-29', '0001-01-01', '9999-12-31'] },
  doNotCall: { column: 'do_not_call', values: [true, false] },
  creditLimit: {
    column: 'credit_limit',
    values: ['9.5000', '10.0000', '-1.2500', '100000000000000.0001', '100000000000000.0002'],
  },
  deletedAt: { column: 'deleted_at', values: ['2026-01-02T03:04:05.123456Z', '2026-01-02T03:04:05.123457Z'] },
}
const FIELDS = Object.keys(COLUMNS)

const held: Held[] = Array.from({ length: 90 }, (_, index) => ({
  id: `r${String((index * 37) % 90).padStart(3, '0')}`,
  fields: Object.fromEntries(
    FIELDS.map((name, place) => {
      const { values } = COLUMNS[name] ?? { values: [] }
      const pick = (index * (place + 3) + (index >> (place % 4))) % (values.length + 1)
      return [name, values[pick] ?? null]
    }),
  ),
}))

/** By bytes, as the databases of these tests sort; money by its digits, since a number has too few. */
function rank(name: string, value: string | number | boolean): bigint | Buffer {
  if (name === 'creditLimit') return BigInt(String(value).replace('.', ''))
  if (typeof value === 'boolean') return value ? 1n : 0n
  return Buffer.from(String(value))
}

function compare(name: string, one: Held['fields'][string], other: Held['fields'][string]): number {
  if (one === null || other === null) return one === other ? 0 : one === null ? 1 : -1
  const [left, right] = [rank(name, one), rank(name, other)]
  if (typeof left === 'bigint' || typeof right === 'bigint') return left < right ? -1 : left > right ? 1 : 0
  return Buffer.compare(left, right)
}

function meets({ fields }: Held, { field, operator, values }: RowCondition): boolean {
  const own = fields[field.name] ?? null
  const [value = null] = values as readonly Held['fields'][string][]
  const same = (wanted: Held['fields'][string]): boolean => own !== null && compare(field.name, own, wanted) === 0
  if (operator === 'null') return (own === null) === value
  if (operator === 'ne') return !same(value)
  if (operator === 'in') return (values as readonly Held['fields'][string][]).some(same)
  if (own === null) return false
  if (operator === 'like') return String(own).startsWith(String(value))
  const order = compare(field.name, own, value)
  return { eq: order === 0, lt: order < 0, lte: order <= 0, gt: order > 0, gte: order >= 0 }[operator]
}

export function describeRowLists(name: string, sqlOf: () => Sql, canGiveUp: boolean): void {
  describe(`lists by rows on ${name}`, () => {
    let sql: Sql
    let contacts: RowList
    let givenUp = 0
    beforeAll(async () => {
      sql = sqlOf()
      const lists = createRowLists({ sql, plans: compileShipped(), canGiveUp, onGivenUp: () => (givenUp += 1) })
      const found = lists('contact')
      if (found === undefined) throw new Error('contacts have no rows')
      contacts = found
      for (const { id, fields } of held) await insert(TENANT, id, fields)
      await insert('other', 'foreign', { firstName: 'Ada' })
    })

    async function insert(tenant: string, id: string, fields: Held['fields']): Promise<void> {
      const row = Object.fromEntries(Object.entries(fields).map(([field, value]) => [COLUMNS[field]?.column ?? field, value]))
      // As JSON: the driver's times have milliseconds alone.
      const json = JSON.stringify({ tenant, id, custom: {}, ...row })
      await sql`insert into contacts select * from jsonb_populate_record(null::contacts, ${json}::text::jsonb)`
    }

    const fieldNamed = (field: string): ListedField => {
      const listed = contacts.fields.get(field)
      if (listed === undefined) throw new Error(`${field} is not listed`)
      return listed
    }
    const asking = (given: Partial<RowQuery>): RowQuery => ({
      ...{ tenant: TENANT, conditions: [], words: [], sort: [], idDescending: false, deleted: true, limit: 200 },
      ...given,
    })
    const idsOf = async (given: Partial<RowQuery>): Promise<readonly string[]> =>
      (await contacts.page(asking(given))).map(({ id }) => id)

    async function walk(given: Partial<RowQuery>, limit: number): Promise<readonly string[]> {
      const ids: string[] = []
      for (let after: RowPlace | undefined; ; ) {
        const page = await contacts.page(asking({ ...given, limit, after }))
        ids.push(...page.map(({ id }) => id))
        after = page.at(-1)
        if (page.length < limit) return ids
      }
    }

    const sorts = fc.tuple(
      fc.uniqueArray(fc.record({ name: fc.constantFrom(...FIELDS), descending: fc.boolean() }), {
        selector: (key) => key.name,
        maxLength: 4,
      }),
      fc.boolean(),
      fc.integer({ min: 1, max: 40 }),
    )

    test('50 orders, each walked in pages of a random length, are those of an oracle', async () => {
      await fc.assert(
        fc.asyncProperty(sorts, async ([keys, idDescending, limit]) => {
          const sort: SortKey[] = keys.map((key) => ({ field: fieldNamed(key.name), descending: key.descending }))
          const wanted = held.toSorted((one, other) => {
            for (const key of keys) {
              const order = compare(key.name, one.fields[key.name] ?? null, other.fields[key.name] ?? null)
              if (order !== 0) return key.descending ? -order : order
            }
            return (one.id < other.id ? -1 : 1) * (idDescending ? -1 : 1)
          })
          expect(await walk({ sort, idDescending }, limit)).toEqual(wanted.map(({ id }) => id))
        }),
        { numRuns: 50 },
      )
    })

    const conditions = fc.array(
      fc
        .constantFrom(...FIELDS)
        .chain((field) =>
          fc.tuple(
            fc.constant(field),
            fc.constantFrom('eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'in', 'like', 'null' as const),
            fc.array(fc.constantFrom(...(COLUMNS[field]?.values ?? [])), { minLength: 1, maxLength: 3 }),
            fc.boolean(),
          ),
        ),
      { minLength: 1, maxLength: 2 },
    )

    test('200 combinations of conditions, with hostile values, hold for the rows of an oracle and for no others', async () => {
      await fc.assert(
        fc.asyncProperty(conditions, async (drawn) => {
          const given: RowCondition[] = drawn.map(([field, operator, values, yes]) => {
            const like = operator === 'like' && field === 'firstName'
            const chosen = operator === 'like' && !like ? 'eq' : operator
            const wanted = chosen === 'null' ? [yes] : like ? [String(values[0]).slice(0, 2)] : values
            return { field: fieldNamed(field), operator: chosen, values: wanted } as RowCondition
          })
          const wanted = held.filter((row) => given.every((condition) => meets(row, condition))).map(({ id }) => id)
          expect(await idsOf({ conditions: given })).toEqual(wanted.toSorted())
        }),
        { numRuns: 200 },
      )
      const [{ count } = { count: 0 }] = await sql<{ count: number }[]>`
        select count(*)::int as count from contacts where tenant = ${TENANT}`
      expect(count).toBe(held.length)
    })

    test('P11: no condition, order or search reaches another tenant', async () => {
      for (const tenant of [TENANT, 'other']) {
        const named = await idsOf({ tenant, words: ['ada'] })
        const ordered = await idsOf({ tenant, sort: [{ field: fieldNamed('firstName'), descending: false }] })
        expect([named.includes('foreign'), ordered.includes('foreign')]).toEqual([tenant === 'other', tenant === 'other'])
      }
    })

    test('what is inserted, moved and deleted between two pages costs and repeats nobody else', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.boolean(),
          fc.array(fc.constantFrom('Aa', 'Mm', 'Zz', null), { maxLength: 6 }),
          async (descending, names) => {
            const tenant = `moving${Math.abs(fc.hash(JSON.stringify([descending, names])))}`
            await sql`delete from contacts where tenant = ${tenant}`
            const staying = Array.from({ length: 12 }, (_, index) => `s${String(index).padStart(2, '0')}`)
            for (const [index, id] of staying.entries()) {
              await insert(tenant, id, { firstName: ['Bb', 'Mm', null][index % 3] ?? null })
            }
            const sort = [{ field: fieldNamed('firstName'), descending }]
            const seen: string[] = []
            let after: RowPlace | undefined
            for (let round = 0; ; round += 1) {
              const page = await contacts.page(asking({ tenant, sort, limit: 3, after }))
              seen.push(...page.map(({ id }) => id))
              after = page.at(-1)
              if (page.length < 3) break
              const comes = names[round]
              if (comes !== undefined) await insert(tenant, `new${round}`, { firstName: comes })
              if (round === 1) await sql`delete from contacts where tenant = ${tenant} and id = 'new0'`
            }
            const stayed = seen.filter((id) => id.startsWith('s'))
            expect(stayed.toSorted()).toEqual(staying)
            expect(new Set(seen).size).toBe(seen.length)
          },
        ),
        { numRuns: 12 },
      )
    })

    describe('search', () => {
      beforeAll(async () => {
        await sql`insert into contacts (tenant, id, first_name, last_name, summary) values
          ('words', 'muller', 'Jörg', 'MÜLLER', 'Met at the trade fair in Köln; wants 1.5 tons.'),
          ('words', 'oneil', 'Ann-Marie', 'O''Neil', null),
          ('words', 'long', 'Lang', null, ${`${'wort '.repeat(30_000)}`}),
          ('words', 'hostile', '<b>&amp;', ''' | ''x'':* & ! (', 'a/b/c --verbose')`
        await sql`insert into contact_emails (tenant, contact_id, id, address) values
          ('words', 'oneil', 'e1', 'first.last@Example.com'), ('words', 'muller', 'e1', 'jm@example.org')`
      })
      const search = (...words: string[]) => idsOf({ tenant: 'words', words })

      test('finds words of names, addresses and texts by their beginning, whatever the case', async () => {
        const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
          [['müll'], ['muller']],
          [['MÜLLER'], ['muller']],
          [['mar'], ['oneil']],
          [['neil'], ['oneil']],
          [['fair'], ['muller']],
          [['example'], ['muller', 'oneil']],
          [['exam', 'last'], ['oneil']],
          [['jör', 'köln', 'org'], ['muller']],
          [['wort'], ['long']],
          [['ller'], []],
          [['fair', 'neil'], []],
          [['verbose'], ['hostile']],
          [['amp'], ['hostile']],
        ]
        for (const [words, ids] of cases) expect([words, await search(...words)]).toEqual([words, ids])
      })

      test('has an index for each table that it looks at', async () => {
        const used = await sql.begin(async (step) => {
          await step`set local enable_seqscan = off`
          const looked = [
            "select 1 from contacts p where rapport.search_words(coalesce(p.first_name, '') || ' ' || coalesce(p.last_name, '') || ' ' || coalesce(p.summary, '')) @@ to_tsquery('simple', 'x:*')",
            "select 1 from contact_emails p where rapport.search_words(coalesce(p.address, '')) @@ to_tsquery('simple', 'x:*')",
            "select 1 from accounts p where rapport.search_words(coalesce(p.name, '') || ' ' || coalesce(p.summary, '')) @@ to_tsquery('simple', 'x:*')",
            "select 1 from account_emails p where rapport.search_words(coalesce(p.address, '')) @@ to_tsquery('simple', 'x:*')",
            "select 1 from opportunities p where rapport.search_words(coalesce(p.name, '') || ' ' || coalesce(p.summary, '')) @@ to_tsquery('simple', 'x:*')",
          ]
          const plans: string[] = []
          for (const statement of looked) plans.push(JSON.stringify(await step.unsafe(`explain ${statement}`)))
          return plans.map((plan) => /Index Scan on (\w+_words)/.exec(plan)?.[1])
        })
        expect(used).toEqual([
          'contacts_words',
          'contact_emails_words',
          'accounts_words',
          'account_emails_words',
          'opportunities_words',
        ])
      })

      test('never makes a statement of the CRM fail, whatever it writes', async () => {
        const texts = [
          'x'.repeat(3_000),
          Array.from({ length: 200_000 }, (_, index) => index.toString(36)).join(' '),
          '\u{1F600} '.repeat(200_000),
        ]
        for (const [index, summary] of texts.entries()) {
          await sql`insert into contacts (tenant, id, summary) values ('words', ${`big${index}`}, ${summary})`
        }
        await sql`delete from contacts where tenant = 'words' and id like 'big%'`
      })
    })

    test('rows of somebody who may not open them are not there, also for cursors', async () => {
      const owners = { mine: 'ann', ours: 'sales', theirs: 'bob', nobodys: null, blank: '' }
      for (const [id, owner] of Object.entries(owners)) {
        await sql`insert into contacts (tenant, id, owner) values ('seen', ${id}, ${owner})`
      }
      const sight = (owner: boolean, team: boolean, anyone: boolean): Sight => ({
        column: 'owner',
        sub: 'ann',
        teams: ['sales', "o'hara"],
        opens: { owner, team, anyone },
      })
      const seen = (given: Sight) => idsOf({ tenant: 'seen', sight: given })
      expect(await seen(sight(true, false, false))).toEqual(['mine'])
      expect(await seen(sight(true, true, false))).toEqual(['mine', 'ours'])
      expect(await seen(sight(false, false, true))).toEqual(['blank', 'nobodys', 'theirs'])
    })

    test('a cursor with values that these fields cannot have is malformed', async () => {
      const sort = [{ field: fieldNamed('creditLimit'), descending: false }]
      const forged = asking({ sort, after: { id: 'r001', keys: ["1'; drop table contacts"] } })
      await expect(contacts.page(forged)).rejects.toMatchObject({ code: 'malformed' })
    })

    // The embedded database has one session, in which nothing can be interrupted.
    if (canGiveUp)
      test('P10: what takes too long to find is given up, and told as overload', async () => {
        const lists = createRowLists({
          sql: {
            ...sql,
            begin: (run: (step: unknown) => unknown) =>
              sql.begin((step) =>
                run({
                  unsafe: (text: string) =>
                    step.unsafe(text.startsWith('set') ? 'set local statement_timeout = 20' : 'select pg_sleep(5)'),
                }),
              ),
          } as unknown as Sql,
          plans: compileShipped(),
          canGiveUp,
          onGivenUp: () => (givenUp += 1),
        })
        await expect(lists('contact')?.page(asking({}))).rejects.toMatchObject({ code: 'overload' })
        expect(givenUp).toBe(1)
      })
  })
}
