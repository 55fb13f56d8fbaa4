/** What SQL writers are promised of mapped tables, on any database: one writer, one record, one statement at a time. */

import { systemClock } from '@rapport/shared/clock.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import { describe, expect, test } from 'vitest'
import type { Policy } from '../../server/access/policy.ts'
import type { Sql } from '../../server/db.ts'
import { installCapture } from '../../server/inbound/capture.ts'
import { freshTenant, recordKey } from './entries.ts'
import { changesOf, conflictsOf, historyOf, read, statuses } from './inbound-stage.ts'
import type { ProjectionStage } from './projection-stage.ts'
import { onStage } from './projection-suite.ts'

/** A stage on tables that tell what is done to them. */
export async function onWritableStage(sql: Sql, use: (stage: ProjectionStage) => Promise<void>): Promise<void> {
  await onStage(sql, async (stage) => {
    await installCapture(sql, stage.plans, systemClock)
    await use(stage)
  })
}

/** Absorbs, then projects, until nothing is left to do. */
export async function settle(stage: ProjectionStage): Promise<void> {
  await stage.absorber().drain()
  await stage.projector().drain()
}

export function describeInbound(name: string, sql: () => Sql): void {
  const on = (use: (stage: ProjectionStage) => Promise<void>) => () => onWritableStage(sql(), use)

  describe(`writable tables on ${name}`, () => {
    test(
      'P7: an UPDATE becomes an edit of its author, and the rows follow',
      on(async (stage) => {
        const key = await projectedContact(stage)
        const { tenant } = key
        await stage.sql.begin(async (session) => {
          await session`set local rapport.actor = 'carla'`
          await session`update contacts set stage = 'customer', credit_limit = 1250.5 where tenant = ${tenant}`
        })
        await stage.sql`update contacts set title = 'CTO' where tenant = ${tenant}`
        await settle(stage)
        expect((await read(stage, key)).fields).toMatchObject({ stage: 'customer', creditLimit: '1250.50', title: 'CTO' })
        expect(await changesOf(stage.sql, tenant)).toMatchObject([
          { table: 'contacts', op: 'update', status: 'absorbed', reason: null, author: 'carla' },
          { status: 'absorbed', author: 'sql:postgres' },
        ])
        expect((await historyOf(stage.sql, key)).filter(({ via }) => via === 'sql')).toMatchObject([
          { path: 'fields.title', before: 'CEO', after: 'CTO', sub: 'sql:postgres', role: 'crm', via: 'sql' },
          { path: 'fields.creditLimit', sub: 'carla', role: 'crm', via: 'sql' },
          { path: 'fields.stage', before: 'lead', after: 'customer', sub: 'carla' },
        ])
        expect(await stage.wrong(tenant)).toEqual([])
      }),
    )

    test(
      'P5: of a field that was set in the document meanwhile the row wins as the later one, and the other value is in the conflicts',
      on(async (stage) => {
        const key = await projectedContact(stage)
        await stage.sql`update contacts set title = 'CTO', stage = 'customer' where tenant = ${key.tenant}`
        await stage.edit(key, (editor) => editor.set('title', 'CFO'), 'phil', 'rep')
        await settle(stage)
        expect((await read(stage, key)).fields).toMatchObject({ title: 'CTO', stage: 'customer' })
        expect(await conflictsOf(stage.sql, key)).toEqual([
          { path: ['fields', 'title'], kept: ['CTO', 'sql:postgres'], replaced: ['CFO', 'phil'] },
        ])
        expect(await stage.wrong(key.tenant)).toEqual([])
      }),
    )

    test(
      'an edit of another column survives, and makes no conflict',
      on(async (stage) => {
        const key = await projectedContact(stage)
        await stage.edit(key, (editor) => editor.set('department', 'Sales'), 'phil', 'rep')
        await stage.sql`update contacts set stage = 'customer' where tenant = ${key.tenant}`
        await settle(stage)
        expect((await read(stage, key)).fields).toMatchObject({ stage: 'customer', department: 'Sales' })
        expect(await conflictsOf(stage.sql, key)).toEqual([])
      }),
    )

    test(
      'two statements on one field, behind an edit that neither had seen, make one conflict, with the last of them',
      on(async (stage) => {
        const key = await projectedContact(stage)
        await stage.edit(key, (editor) => editor.set('title', 'CFO'), 'phil', 'rep')
        await stage.sql`update contacts set title = 'CTO' where tenant = ${key.tenant}`
        await stage.sql`update contacts set title = 'COO' where tenant = ${key.tenant}`
        await settle(stage)
        expect((await read(stage, key)).fields).toMatchObject({ title: 'COO' })
        expect(await conflictsOf(stage.sql, key)).toMatchObject([{ replaced: ['CFO', 'phil'] }])
      }),
    )

    test(
      'P4: a value that does not fit comes back to the old one, with a reason to read; the permitted rest of the statement stays',
      on(async (stage) => {
        const key = await projectedContact(stage)
        const { tenant } = key
        await stage.sql`update contacts set stage = 'nonsense', title = 'CTO' where tenant = ${tenant}`
        await stage.sql`update contacts set stage = 'worse' where tenant = ${tenant}`
        await stage.sql`update contacts set created_at = now() where tenant = ${tenant}`
        const before = await read(stage, key)
        await settle(stage)
        const after = await read(stage, key)
        expect(after.fields).toMatchObject({ stage: 'lead', title: 'CTO' })
        expect(after.sequence).toBe(before.sequence + 1)
        const changes = await changesOf(stage.sql, tenant)
        expect(changes).toMatchObject([{ status: 'partial' }, { status: 'refused' }, { status: 'refused' }])
        expect(changes.map(({ reason }) => reason)).toEqual([
          expect.stringMatching(/^stage is none of lead, /),
          expect.stringMatching(/^stage is none of lead, /),
          expect.stringMatching(/^created_at is filled/),
        ])
        expect(JSON.stringify(changes)).not.toMatch(/nonsense|worse/)
        expect(await stage.wrong(tenant)).toEqual([])
      }),
    )

    test(
      'ten echoes of the same values are no edit, and the same statement with one changed column is exactly one',
      on(async (stage) => {
        const key = await projectedContact(stage)
        const { tenant } = key
        const { sequence } = await read(stage, key)
        const echo = () => stage.sql`
          update contacts set last_name = 'Ada', title = 'CEO', stage = 'lead', summary = '', deleted_at = null, sequence = sequence
          where tenant = ${tenant}`
        // One says the same in other words: the row shows an empty text as such.
        for (let round = 0; round < 10; round += 1) await echo()
        await settle(stage)
        expect((await read(stage, key)).sequence).toBe(sequence)
        expect(await stage.wrong(tenant)).toEqual([])
        await stage.sql`
          update contacts set last_name = 'Ada', title = 'CTO', stage = 'lead', deleted_at = null, sequence = sequence
          where tenant = ${tenant}`
        await settle(stage)
        expect((await read(stage, key)).sequence).toBe(sequence + 1)
        const history = (await historyOf(stage.sql, key)).filter(({ via }) => via === 'sql')
        expect(history).toMatchObject([{ path: 'fields.title', before: 'CEO', after: 'CTO' }])
      }),
    )

    test(
      'a row that was read before an edit and is written back as a whole reverts nothing of it',
      on(async (stage) => {
        const key = await projectedContact(stage)
        const { tenant } = key
        const [row] = await stage.sql<{ sequence: number; title: string; stage: string }[]>`
          select sequence, title, stage from contacts where tenant = ${tenant}`
        await stage.edit(key, (editor) => editor.set('title', 'CFO'), 'phil', 'rep')
        await stage.projector().drain()
        // The writer changes the stage, and writes the title that he had read.
        await stage.sql`
          update contacts set title = ${row?.title ?? ''}, stage = 'customer', sequence = ${row?.sequence ?? 0}
          where tenant = ${tenant}`
        await settle(stage)
        expect((await read(stage, key)).fields).toMatchObject({ title: 'CFO', stage: 'customer' })
        expect(await conflictsOf(stage.sql, key)).toEqual([])
        // And of a field that he changed himself he had not seen the edit.
        await stage.sql`update contacts set title = 'CTO', sequence = ${row?.sequence ?? 0} where tenant = ${tenant}`
        await settle(stage)
        expect(await conflictsOf(stage.sql, key)).toEqual([
          { path: ['fields', 'title'], kept: ['CTO', 'sql:postgres'], replaced: ['CFO', 'phil'] },
        ])
        expect(await stage.wrong(tenant)).toEqual([])
      }),
    )

    test(
      'an INSERT creates the record, with an id by default, and its children with it; one without what the record needs is removed again',
      on(async (stage) => {
        const tenant = freshTenant()
        const [row] = await stage.sql<{ id: string }[]>`
          insert into contacts (tenant, last_name, custom) values (${tenant}, 'Ada', '{"x_score": 1.5}') returning id`
        const key = recordKey(row?.id, tenant)
        await stage.sql`insert into contact_emails (tenant, contact_id, address) values (${tenant}, ${key.id}, 'a@example.org')`
        await stage.sql`insert into contact_tags values (${tenant}, ${key.id}, 'vip')`
        await stage.sql`insert into accounts (tenant, id, industry) values (${tenant}, 'r1', 'Mining')`
        await stage.sql`insert into accounts (tenant, id, name) values (${tenant}, 'r2', 'Acme')`
        await settle(stage)
        expect(await read(stage, key)).toMatchObject({ sequence: 1, fields: { lastName: 'Ada', x_score: 1.5 }, tags: ['vip'] })
        expect(Object.values((await read(stage, key)).emails)).toMatchObject([{ address: 'a@example.org' }])
        expect(await changesOf(stage.sql, tenant)).toMatchObject([
          ...Array.from({ length: 3 }, () => ({ status: 'absorbed' })),
          { status: 'refused', reason: expect.stringContaining('name may not be empty') },
          { status: 'absorbed' },
        ])
        expect(await stage.sql`select id from accounts where tenant = ${tenant}`).toEqual([{ id: 'r2' }])
        expect(await stage.wrong(tenant)).toEqual([])
      }),
    )

    test(
      'a child whose record is not there yet waits for it',
      on(async (stage) => {
        const key = recordKey()
        const { tenant, id } = key
        await stage.sql`insert into contact_emails (tenant, contact_id, id, address) values (${tenant}, ${id}, 'e1', 'a@example.org')`
        await settle(stage)
        expect(await statuses(stage.sql, tenant)).toEqual(['pending'])
        expect(await stage.log.load(key)).toBeUndefined()
        await stage.sql`insert into contacts (tenant, id, last_name) values (${tenant}, ${id}, 'Ada')`
        await settle(stage)
        expect(await statuses(stage.sql, tenant)).toEqual(['absorbed', 'absorbed'])
        expect((await read(stage, key)).emails).toMatchObject({ e1: { address: 'a@example.org' } })
        expect(await stage.wrong(tenant)).toEqual([])
      }),
    )

    test(
      'a DELETE marks the record deleted and the row returns with its children; deleted_at set to NULL restores; late edits of children merge',
      on(async (stage) => {
        const key = await projectedContact(stage)
        const { tenant, id } = key
        // As programs do: the children first, in the same transaction.
        await stage.sql.begin(async (session) => {
          await session`delete from contact_emails where tenant = ${tenant} and contact_id = ${id}`
          await session`delete from contacts where tenant = ${tenant} and id = ${id}`
        })
        await settle(stage)
        const deleted = await read(stage, key)
        expect(deleted).toMatchObject({ deletedAt: expect.any(Number), emails: { e1: {}, e2: {} } })
        expect(await stage.sql`select deleted_at is not null as gone from contacts where tenant = ${tenant}`).toEqual([
          { gone: true },
        ])
        expect(await stage.wrong(tenant)).toEqual([])

        await stage.sql`update contact_emails set label = 'late' where tenant = ${tenant} and id = 'e1'`
        await settle(stage)
        await stage.sql`update contacts set deleted_at = null where tenant = ${tenant}`
        await settle(stage)
        expect(await read(stage, key)).toMatchObject({ deletedAt: null, emails: { e1: { label: 'late' }, e2: {} } })
        expect(await stage.wrong(tenant)).toEqual([])
      }),
    )

    test(
      'rows of children: added, changed and removed; a list that is written anew in one transaction changes only what is new',
      on(async (stage) => {
        const key = await projectedContact(stage)
        const { tenant, id } = key
        await stage.sql`insert into contact_emails (tenant, contact_id, id, address) values (${tenant}, ${id}, 'e3', 'c@example.org')`
        await stage.sql`update contact_emails set label = 'home' where tenant = ${tenant} and id = 'e1'`
        await stage.sql`delete from contact_emails where tenant = ${tenant} and id = 'e2'`
        await stage.sql`insert into contact_tags values (${tenant}, ${id}, 'new')`
        await stage.sql`delete from contact_tags where tenant = ${tenant} and tag = 'vip'`
        await settle(stage)
        expect(await read(stage, key)).toMatchObject({ tags: ['new'] })
        const { emails, sequence } = await read(stage, key)
        expect(emails).toEqual({
          e1: expect.objectContaining({ label: 'home', address: 'a@example.org' }),
          e3: expect.objectContaining({ address: 'c@example.org' }),
        })
        expect(await stage.wrong(tenant)).toEqual([])

        const rewrite = (label: string) =>
          stage.sql.begin(async (session) => {
            const rows = await session`delete from contact_emails where tenant = ${tenant} returning *`
            for (const row of rows) await session`insert into contact_emails ${session({ ...row, label })}`
          })
        await rewrite('home')
        await settle(stage)
        // Only of the one that had no label.
        expect((await read(stage, key)).sequence).toBe(sequence + 1)
        await rewrite('home')
        await settle(stage)
        expect((await read(stage, key)).sequence).toBe(sequence + 1)
        expect(await stage.wrong(tenant)).toEqual([])
      }),
    )

    test(
      'links between records: unlinked and linked again in another way, each is there once',
      on(async (stage) => {
        const key = recordKey('o1', freshTenant(), 'opportunity')
        const { tenant } = key
        await stage.edit(key, (editor) => editor.set('name', 'Deal'))
        await stage.projector().drain()
        const link = (contact: string, role: string) =>
          stage.sql`insert into opportunity_contacts values (${tenant}, 'o1', ${contact}, ${role})`
        await link('c1', 'decider')
        await link('c2', 'user')
        await settle(stage)
        await stage.sql`delete from opportunity_contacts where tenant = ${tenant} and contact_id = 'c1'`
        await link('c1', 'influencer')
        await stage.sql`update opportunity_contacts set role = 'other' where tenant = ${tenant} and contact_id = 'c2'`
        await settle(stage)
        expect(await stage.sql`select contact_id, role from opportunity_contacts where tenant = ${tenant} order by 1`).toEqual([
          { contact_id: 'c1', role: 'influencer' },
          { contact_id: 'c2', role: 'other' },
        ])
        expect(await stage.wrong(tenant)).toEqual([])
      }),
    )

    test(
      'text is merged: what two wrote into it at once is both there',
      on(async (stage) => {
        const key = await projectedContact(stage)
        await stage.edit(key, (editor) => editor.rewrite('summary', 'First line.'))
        await stage.projector().drain()
        await stage.edit(key, (editor) => editor.rewrite('summary', 'The very first line.'), 'phil', 'rep')
        await stage.sql`update contacts set summary = 'First line. And a second one.' where tenant = ${key.tenant}`
        await settle(stage)
        expect((await read(stage, key)).summary).toBe('The very first line. And a second one.')
        expect(await stage.wrong(key.tenant)).toEqual([])
      }),
    )

    test(
      'P8: columns that no mapping owns are not captured, nor is what the projector writes',
      on(async (stage) => {
        await stage.sql`alter table contacts add column if not exists score integer`
        const key = await projectedContact(stage)
        await stage.sql`update contacts set score = 7 where tenant = ${key.tenant}`
        await stage.edit(key, (editor) => editor.set('title', 'CFO'))
        await settle(stage)
        expect(await changesOf(stage.sql, key.tenant)).toEqual([])
        expect(await stage.sql`select score, title from contacts where tenant = ${key.tenant}`).toEqual([
          { score: 7, title: 'CFO' },
        ])
      }),
    )

    test(
      'what the policy keeps from row writers is refused place by place; the others of a statement stay',
      on(async (stage) => {
        const key = await projectedContact(stage)
        const policy: Policy = {
          grants: { crm: { '*': { anyone: { record: 'write', except: { 'fields/title': 'read', emails: 'read' } } } } },
        }
        await stage.sql`update contacts set title = 'CTO', stage = 'customer' where tenant = ${key.tenant}`
        await stage.sql`delete from contact_emails where tenant = ${key.tenant}`
        await stage.absorber({ policy }).drain()
        await stage.projector().drain()
        expect(await changesOf(stage.sql, key.tenant)).toMatchObject([
          { status: 'partial', reason: 'fields.title may not be written' },
          { status: 'refused', reason: 'emails.e1.deleted may not be written' },
          { status: 'refused', reason: 'emails.e2.deleted may not be written' },
        ])
        expect(await read(stage, key)).toMatchObject({ fields: { title: 'CEO', stage: 'customer' }, emails: { e1: {}, e2: {} } })
        expect(await stage.wrong(key.tenant)).toEqual([])
      }),
    )

    test(
      'several writers of one record: each edit has its own author, and each had seen the rows of those before',
      on(async (stage) => {
        const key = await projectedContact(stage)
        for (const [sub, title] of [
          ['ann', 'CTO'],
          ['bea', 'COO'],
          ['ann', 'CMO'],
        ] as const) {
          await stage.sql.begin(async (session) => {
            await session`select set_config('rapport.actor', ${sub}, true)`
            await session`update contacts set title = ${title} where tenant = ${key.tenant}`
          })
        }
        await settle(stage)
        const history = (await historyOf(stage.sql, key)).filter(({ via }) => via === 'sql')
        expect(history.map(({ sub, after }) => [sub, after])).toEqual([
          ['ann', 'CMO'],
          ['bea', 'COO'],
          ['ann', 'CTO'],
        ])
        expect(await conflictsOf(stage.sql, key)).toEqual([])
      }),
    )

    const refused: Readonly<Record<string, (sql: Sql, key: RecordKey) => Promise<unknown>>> = {
      'a change of a key': (own, { tenant }) => own`update contacts set id = 'other' where tenant = ${tenant}`,
      'a change of the record of a child': (own, { tenant }) =>
        own`update contact_emails set contact_id = 'r9' where tenant = ${tenant}`,
      TRUNCATE: (own) => own`truncate contacts`,
      'TRUNCATE of children': (own) => own`truncate contact_tags`,
      'an id that is none': (own, { tenant }) => own`insert into contacts (tenant, id) values (${tenant}, 'a b')`,
      'a tenant that is none': (own) => own`insert into contacts (tenant) values ('a b')`,
      'a row without a tenant': (own) => own`insert into contacts (last_name) values ('Ada')`,
      'an actor that is no subject': (own, { tenant }) =>
        own.begin(async (session) => {
          await session`select set_config('rapport.actor', ${'line\nbreak'}, true)`
          await session`update contacts set title = 'CTO' where tenant = ${tenant}`
        }),
      'an erased id': async (own, { tenant }) => {
        await own`insert into rapport.records (tenant, type, id, created_at, created_by, erased)
          values (${tenant}, 'contact', 'r8', now(), 'ada', true)`
        await own`insert into contacts (tenant, id) values (${tenant}, 'r8')`
      },
    }
    test.each(Object.keys(refused))('refused with a clear error, and nothing is done: %s', (what) =>
      onWritableStage(sql(), async (stage) => {
        const key = await projectedContact(stage)
        const error = await refused[what]?.(stage.sql, key).then(
          () => undefined,
          (thrown: Error) => thrown,
        )
        expect(error?.message).toMatch(/keeps its key|cannot be truncated|has 1 to|violates not-null|not the subject|was erased/)
        expect(await changesOf(stage.sql, key.tenant)).toEqual([])
        expect(await stage.wrong(key.tenant)).toEqual([])
      }),
    )

    test(
      'what is put in place at the start is put in place once: another start changes nothing',
      on(async (stage) => {
        const triggers = () =>
          stage.sql`select oid, xmin::text, tgname from pg_trigger where tgname like 'rapport_%' order by oid`
        const before = await triggers()
        expect(before.length).toBe(4 * stage.plans.reduce((sum, { children }) => sum + 1 + children.length, 0))
        await installCapture(stage.sql, stage.plans, systemClock)
        expect(await triggers()).toEqual(before)
        await stage.sql`drop trigger rapport_deleted on contacts`
        await installCapture(stage.sql, stage.plans, systemClock)
        expect(await triggers()).toHaveLength(before.length)
      }),
    )
  })
}

/** A contact with two e-mail addresses and a tag, and its rows; it takes three entries. */
export async function projectedContact(stage: ProjectionStage, key = recordKey()): Promise<RecordKey> {
  await stage.edit(key, (editor) => {
    editor.set('lastName', 'Ada')
    editor.set('title', 'CEO')
    editor.set('stage', 'lead')
  })
  await stage.edit(key, (editor) => {
    editor.addEntry('emails', { label: 'home', address: 'a@example.org' }, { id: 'e1' })
    editor.addEntry('emails', { address: 'b@example.org' }, { id: 'e2' })
    editor.add('tags', 'vip')
  })
  await stage.projector().drain()
  return key
}
