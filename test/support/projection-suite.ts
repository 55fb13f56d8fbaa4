/** What the projector promises of rows, events and marks, on any database. */
import { writeMeta } from '@rapport/shared/schema/layout.ts'
import { describe, expect, test } from 'vitest'
import type { Sql } from '../../server/db.ts'
import { freshTenant, recordKey } from './entries.ts'
import { createProjectionStage, type ProjectionStage } from './projection-stage.ts'
import { until } from './stock-client.ts'

/** For one test, closed behind it. */
export async function onStage(sql: Sql, use: (stage: ProjectionStage) => Promise<void>): Promise<void> {
  const stage = createProjectionStage(sql)
  try {
    await use(stage)
  } finally {
    await stage.close()
  }
}

/** Which version of a row every row of a tenant is: writing a row, even with equal values, makes another. */
export async function versions(stage: ProjectionStage, tenant: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {}
  const tables = stage.plans.flatMap((plan) => [plan.main, ...plan.children])
  for (const table of [...tables.map(({ name }) => `public.${name}`), 'rapport.projection_state', 'rapport.outbox']) {
    const rows = await stage.sql.unsafe<{ row: string; version: string }[]>(
      `select to_jsonb(t)::text as row, t.xmin::text || t.ctid::text as version from ${table} t where tenant = $1`,
      [tenant],
    )
    for (const { row, version } of rows) found[`${table} ${row}`] = version
  }
  return found
}

export function describeProjection(name: string, sql: () => Sql): void {
  describe(`projection on ${name}`, () => {
    test('P6: rows are forward(document) for every type, children included, and no mark is left', () =>
      onStage(sql(), async (stage) => {
        const tenant = freshTenant()
        const [contact, account, opportunity] = ['contact', 'account', 'opportunity'].map((type) => recordKey('r1', tenant, type))
        if (contact === undefined || account === undefined || opportunity === undefined) throw new Error('three keys')
        await stage.edit(contact, (editor, document) => {
          editor.set('lastName', 'O\'Neil "x" \\ 東京 🎉')
          editor.set('birthday', '1970-02-28')
          editor.set('creditLimit', '1250.0050')
          editor.set('account', 'r1')
          editor.setCustom('x_score', 1.5)
          editor.rewrite('summary', 'Line 1\nLine 2')
          editor.add('tags', 'vip')
          editor.addEntry('emails', { label: 'work', address: 'a@example.org', primary: true }, { id: 'e1' })
          editor.addEntry('activities', { kind: 'call', at: '2026-01-02T03:04:05.123456Z' }, { id: 'a1' })
          document.getMap('fields').set('title', 42)
        })
        await stage.edit(account, (editor) => editor.set('name', 'Acme'))
        await stage.edit(opportunity, (editor) => {
          editor.set('name', 'Deal')
          editor.set('probability', 33.3)
          editor.addEntry('contacts', { contact: 'r1', role: 'decider' }, { id: 'r1' })
        })
        await stage.projector().drain()
        expect(await stage.wrong(tenant)).toEqual([])
        expect(await stage.rows(contact)).toMatchObject({
          main: { last_name: 'O\'Neil "x" \\ 東京 🎉', birthday: '1970-02-28', credit_limit: 1250.005, custom: { x_score: 1.5 } },
          children: { contact_emails: [{ id: 'e1', is_primary: true, sort_order: 0 }], contact_tags: [{ tag: 'vip' }] },
        })
        expect(await stage.marks(tenant)).toEqual([])
        const states = await stage.sql`
          select type, sequence, mapping_version as version, fault, misfits from rapport.projection_state
          where tenant = ${tenant} order by type`
        expect(states).toEqual([
          { type: 'account', sequence: 1, version: 1, fault: null, misfits: null },
          { type: 'contact', sequence: 1, version: 1, fault: null, misfits: [['fields', 'title']] },
          { type: 'opportunity', sequence: 1, version: 1, fault: null, misfits: null },
        ])
      }))

    test('a row that is right is not written: an edit touches its own rows only, a rebuild of right rows none', () =>
      onStage(sql(), async (stage) => {
        const tenant = freshTenant()
        const [one, two] = [recordKey('r1', tenant), recordKey('r2', tenant)]
        for (const key of [one, two]) {
          await stage.edit(key, (editor) => {
            editor.set('lastName', 'Ada')
            editor.addEntry('emails', { address: 'a@example.org' }, { id: 'e1' })
            editor.addEntry('emails', { address: 'b@example.org' }, { id: 'e2' })
            editor.add('tags', 'vip')
          })
        }
        const projector = stage.projector()
        await projector.drain()
        const before = await versions(stage, tenant)
        await stage.edit(one, (editor) => editor.setColumn('emails', 'e2', 'address', 'c@example.org'))
        await projector.drain()
        const after = await versions(stage, tenant)
        const written = Object.keys(after).filter((row) => after[row] !== before[row])
        expect(written.map((row) => row.split(' ')[0]).sort()).toEqual([
          'public.contact_emails',
          'public.contacts',
          'rapport.outbox',
          'rapport.projection_state',
        ])

        for (const rebuild of projector.rebuilds()) {
          await rebuild.begin('again')
          while (await rebuild.step());
          expect(rebuild.progress().changed).toBe(0)
        }
        expect(await versions(stage, tenant)).toEqual(after)
      }))

    test('P8: columns that no mapping owns keep what they hold, through edits, deletions and rebuilds', () =>
      onStage(sql(), async (stage) => {
        const tenant = freshTenant()
        const key = recordKey('r1', tenant)
        await stage.sql`alter table contacts add column if not exists score integer`
        await stage.sql`alter table contact_emails add column if not exists verified boolean`
        await stage.edit(key, (editor) => {
          editor.set('lastName', 'Ada')
          editor.addEntry('emails', { address: 'a@example.org' }, { id: 'e1' })
        })
        const projector = stage.projector()
        await projector.drain()
        await stage.sql`update contacts set score = 7 where tenant = ${tenant}`
        await stage.sql`update contact_emails set verified = true where tenant = ${tenant}`
        await stage.edit(key, (editor, document) => {
          editor.set('lastName', 'Eve')
          editor.addEntry('emails', { address: 'b@example.org' }, { id: 'e2' }, null)
          writeMeta(document, { deletedAt: Date.UTC(2026, 0, 1) })
        })
        await projector.drain()
        await stage.sql`update contacts set last_name = 'damaged' where tenant = ${tenant}`
        await stage.sql`update contact_emails set address = 'damaged' where tenant = ${tenant}`
        const [rebuild] = projector.rebuilds('contact')
        await rebuild?.begin('again')
        while (await rebuild?.step());
        expect(await stage.wrong(tenant)).toEqual([])
        expect(
          await stage.sql`select c.score, e.id, e.verified, e.sort_order from contacts c
          join contact_emails e on e.tenant = c.tenant and e.contact_id = c.id where c.tenant = ${tenant} order by e.sort_order`,
        ).toEqual([
          { score: 7, id: 'e2', verified: null, sort_order: 0 },
          { score: 7, id: 'e1', verified: true, sort_order: 1 },
        ])
      }))

    test('events say what was and what is, once for each change, and who made it', () =>
      onStage(sql(), async (stage) => {
        const tenant = freshTenant()
        const key = recordKey('r1', tenant)
        const projector = stage.projector()
        const step = async (change: Parameters<ProjectionStage['edit']>[1], ...subs: string[]): Promise<void> => {
          for (const sub of subs) await stage.edit(key, change, sub)
          await projector.drain()
        }
        await step((editor) => editor.set('lastName', 'Ada'), 'ann')
        let n = 0
        await step((editor) => editor.addEntry('emails', { label: `${n++}` }, { id: 'e1' }), 'bob', 'ann', 'bob')
        // Nothing that a column shows.
        await step((_, document) => document.getMap('meta').set('schemaVersion', 9), 'ann')
        await step((_, document) => writeMeta(document, { deletedAt: 0 }), 'eve')
        await step((_, document) => writeMeta(document, { deletedAt: null }), 'eve')
        await stage.sql`update contact_emails set label = 'damaged' where tenant = ${tenant}`
        const [rebuild] = projector.rebuilds('contact')
        await rebuild?.begin('again')
        while (await rebuild?.step());

        const events = await stage.events(tenant)
        expect(events.map(({ payload }) => [payload.op, payload.changed, payload.documentSequence])).toEqual([
          ['c', ['last_name', 'summary', 'notes_text', 'created_at'], 1],
          ['u', ['contact_emails'], 4],
          ['d', ['deleted_at'], 6],
          ['u', ['deleted_at'], 7],
          ['r', [], 7],
        ])
        expect(events.map(({ payload }) => payload.authors.map(({ sub }) => sub))).toEqual([
          ['ann'],
          ['ann', 'bob'],
          ['eve'],
          ['eve'],
          [],
        ])
        const { main, children } = await stage.wanted(key)
        const [created, emailed, deleted, restored] = events.map(({ payload }) => payload)
        expect(created?.before).toBeNull()
        expect(emailed?.before).toEqual(created?.after)
        // Between the two lies one that no column shows: only the count moved.
        expect(deleted?.before).toEqual({ ...emailed?.after, sequence: 5 })
        expect(restored?.before).toEqual(deleted?.after)
        expect(restored?.after).toMatchObject({ id: 'r1', last_name: main.last_name, contact_emails: children.contact_emails })
        expect(Object.keys(restored?.after ?? {}).sort()).toEqual([...Object.keys(main), ...Object.keys(children)].sort())
        expect(events[0]).toMatchObject({ aggregatetype: 'contact', aggregateid: 'r1', type: 'rapport.contact.changed.v1' })
        expect(created).toMatchObject({ mappingVersion: 1, authors: [{ sub: 'ann', role: 'admin' }] })
      }))

    test('two projectors at once, beside edits: rows are exact, and no change has two events', () =>
      onStage(sql(), async (stage) => {
        const tenant = freshTenant()
        const keys = Array.from({ length: 12 }, (_, n) => recordKey(`r${n}`, tenant))
        const projectors = [stage.projector(), stage.projector()]
        for (const projector of projectors) projector.start()
        for (let round = 0; round < 12; round += 1) {
          await Promise.all(
            keys.map((key) =>
              stage.edit(key, (editor) => {
                editor.set('lastName', `${key.id} ${round}`)
                editor.addEntry('emails', { label: `${round}` }, { id: `e${round % 4}` })
                if (round % 3 === 0) editor.deleteEntry('emails', 'e1')
              }),
            ),
          )
          for (const projector of projectors) projector.wake()
        }
        await until(async () => (await stage.marks(tenant)).length === 0, 'no mark is left')
        expect(await stage.wrong(tenant)).toEqual([])
        const events = await stage.events(tenant)
        const names = events.map(({ aggregateid, payload }) => `${aggregateid} ${payload.documentSequence}`)
        expect(new Set(names).size).toBe(names.length)
        for (const [index, { aggregateid, payload }] of events.entries()) {
          const before = events[index - 1]
          expect(payload.before).toEqual(before?.aggregateid === aggregateid ? before.payload.after : null)
        }
      }))

    test('reached: answers once the rows are there, whoever wrote them, and false after its time', () =>
      onStage(sql(), async (stage) => {
        const tenant = freshTenant()
        const [key, other] = [recordKey('r1', tenant), recordKey('r2', tenant)]
        await stage.edit(key, (editor) => editor.set('lastName', 'Ada'))
        const idle = stage.projector()
        expect(await idle.reached(key, 1, 20)).toBe(false)
        const waiting = idle.reached(key, 1, 10_000)
        const projector = stage.projector()
        await projector.drain()
        expect(await waiting).toBe(true)
        expect(await idle.reached(key, 1, 10_000)).toBe(true)
        projector.start()
        await stage.edit(other, (editor) => editor.set('lastName', 'Eve'))
        expect(await projector.reached(other, 1, 10_000)).toBe(true)
        expect((await stage.rows(other))?.main).toMatchObject({ last_name: 'Eve', sequence: 1 })
        expect(await projector.reached({ ...other, type: 'unmapped' }, 3, 10_000)).toBe(true)
        const late = projector.reached(key, 9, 60_000)
        await projector.stop()
        expect(await late).toBe(false)
      }))

    test('marks of a type without a mapping are removed, those of one that another process maps are not', () =>
      onStage(sql(), async (stage) => {
        const tenant = freshTenant()
        const now = new Date()
        await stage.sql`
          insert into rapport.projection_rebuilds (mapping, record_type, version, started_at) values (${tenant}, 'elsewhere', 1, ${now})`
        for (const type of ['nowhere', 'elsewhere']) {
          await stage.sql`
            insert into rapport.projection_marks (tenant, type, record_id, sequence, at) values (${tenant}, ${type}, 'r1', 1, ${now})`
        }
        stage.projector().start()
        await until(async () => (await stage.marks(tenant)).length === 1, 'the mark is removed')
        await stage.sql`delete from rapport.projection_marks where tenant = ${tenant}`
        await stage.sql`delete from rapport.projection_rebuilds where mapping = ${tenant}`
      }))
  })
}
