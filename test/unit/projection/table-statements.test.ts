import type { Plan, PlanTable } from '@rapport/shared/mapping/plan.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { expect, test } from 'vitest'
import { compileShipped } from '../../../drizzle/mappings/mappings.ts'
import { planStatements } from '../../../server/projection/table-statements.ts'

const table = (
  name: string,
  record: PlanTable['record'],
  rest: readonly string[],
  ...columns: [string, string][]
): PlanTable => ({
  name,
  record,
  key: [...record, ...rest],
  columns: [
    ...[...record, ...rest].map((column) => ({ name: column, type: 'text' })),
    ...columns.map(([column, type]) => ({ name: column, type })),
  ],
  inbound: [],
})

const odd: Plan = {
  mapping: {
    id: 'odd',
    version: 1,
    recordType: 'contact',
    table: 'a"b',
    identity: { tenant: 't"', id: 'select' },
    rules: [{ rule: 'system', source: 'sequence', column: 'n;' }],
  },
  type: contact,
  main: table('a"b', ['t"', 'select'], [], ['n;', 'bigint'], ["v'", 'character']),
  children: [table('tags', ['tenant', 'id'], ['tag'])],
}

const flat = (text: string | undefined): string => (text ?? '').replaceAll(/\s+/g, ' ').trim()

test('rows that are there are updated: only owned columns, every name quoted, equal rows left out, nothing proposed for insertion', () => {
  expect(flat(planStatements(odd).main.update)).toBe(
    flat(`
      with given as materialized (
        select * from rows from (jsonb_to_recordset($1::text::jsonb) as ("t""" text, "select" text, "n;" bigint, "v'" bpchar))
          with ordinality as given ("t""", "select", "n;", "v'", "rapport place")
        order by "t""" collate "C", "select" collate "C"
      ),
      wanted as materialized (
        select given.*, (stored."t""" is null or (stored."v'") is distinct from (given."v'")) as "rapport news"
        from given
        left join lateral (
          select t."t""", t."select", t."n;", t."v'" from "public"."a""b" as t
          where t."t""" = given."t""" and t."select" = given."select"
          offset 0
        ) as stored on true
        where stored."t""" is null or (stored."n;", stored."v'") is distinct from (given."n;", given."v'")
      ),
      held as materialized (
        select wanted.* from wanted
        cross join lateral (
          select true from "public"."a""b" as t
          where t."t""" = wanted."t""" and t."select" = wanted."select"
          for no key update
        ) as lock
      ),
      written as (
        update "public"."a""b" as t set "n;" = held."n;", "v'" = held."v'"
        from held
        where t."t""" = held."t""" and t."select" = held."select"
          and rapport.refuse_awaited(held."t""", 'contact', held."select")
        returning held."rapport place"
      )
      select wanted."rapport place"::int as place, wanted."t""" as tenant, wanted."select" as id, wanted."rapport news" as news,
        held."rapport place" is not null as there, written."rapport place" is not null as written
      from wanted left join held using ("rapport place") left join written using ("rapport place")`),
  )
})

test('rows that are missing are inserted, and made right if somebody was faster', () => {
  expect(flat(planStatements(odd).main.insert)).toBe(
    flat(`
      insert into "public"."a""b" as t ("t""", "select", "n;", "v'")
      select "t""", "select", "n;", "v'" from
        jsonb_to_recordset($1::text::jsonb) as given ("t""" text, "select" text, "n;" bigint, "v'" bpchar)
      order by "t""" collate "C", "select" collate "C"
      on conflict ("t""", "select") do update set "n;" = excluded."n;", "v'" = excluded."v'"
      where rapport.refuse_awaited(t."t""", 'contact', t."select")
      returning t."t""" as tenant, t."select" as id`),
  )
})

test('of a table of nothing but keys no row is ever outdated', () => {
  const [tags] = planStatements(odd).children
  expect(tags?.update).not.toMatch(/update|is distinct from/)
  expect(tags?.insert).toContain('do update set "tag" = excluded."tag"')
  expect(flat(tags?.prune)).toBe(
    flat(`
      with doomed as materialized (
        select t."tenant", t."id", t."tag" from "public"."tags" as t,
          jsonb_to_recordset($1::text::jsonb) as record ("tenant" text, "id" text)
        where t."tenant" = record.tenant and t."id" = record.id
          and ((t."tenant", t."id", t."tag") in (select given."tenant", given."id", given."tag"
            from jsonb_to_recordset($2::text::jsonb) as given ("tenant" text, "id" text, "tag" text))) is not true
        order by t."tenant" collate "C", t."id" collate "C", t."tag" collate "C"
        for update of t
      ),
      deleted as (
        delete from "public"."tags" as t using doomed
        where t."tenant" = doomed."tenant" and t."id" = doomed."id" and t."tag" = doomed."tag"
          and rapport.refuse_awaited(doomed."tenant", 'contact', doomed."id")
        returning doomed."tenant", doomed."id", doomed."tag"
      )
      select doomed."tenant" as tenant, doomed."id" as id,
        (doomed."tenant", doomed."id", doomed."tag") in (select * from deleted) as written
      from doomed`),
  )
})

test('no statement of the mappings that ship names a column that they do not own', () => {
  for (const plan of compileShipped()) {
    const { hold, main, children } = planStatements(plan)
    const owned = new Set([
      'public',
      'C',
      'rapport news',
      'rapport place',
      'tenant',
      'id',
      ...[plan.main, ...plan.children].flatMap(({ name, columns }) => [name, ...columns.map((column) => column.name)]),
    ])
    for (const text of [hold, ...[main, ...children].flatMap(({ update, insert, prune }) => [update, insert, prune])]) {
      for (const [, name = ''] of text.matchAll(/"([^"]+)"/g)) expect(owned).toContain(name)
    }
  }
})
