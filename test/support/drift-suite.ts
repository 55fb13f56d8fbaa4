/** What drift tells and mends, on any database of its own: each kind is caused for real. */

import { systemClock } from '@rapport/shared/clock.ts'
import type { RecordKey, Tenant } from '@rapport/shared/ids.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import { describe, expect, test } from 'vitest'
import type { Sql } from '../../server/db.ts'
import { createMissedRows } from '../../server/inbound/missed-rows.ts'
import type { DriftKind } from '../../server/projection/drift-kinds.ts'
import { createRepair, type ForeignPolicy, type RepairSummary } from '../../server/projection/drift-repair.ts'
import { isClean, type KindReport, type MappingReport, reportDrift } from '../../server/projection/drift-report.ts'
import { createRandom } from '../simulation/random.ts'
import { freshTenant, recordKey } from './entries.ts'
import { changesOf, conflictsOf, read } from './inbound-stage.ts'
import { onWritableStage, settle } from './inbound-suite.ts'
import type { ProjectionStage } from './projection-stage.ts'
import { onStage, versions } from './projection-suite.ts'
import { randomEdit } from './random-edits.ts'

/** As the projector writes, and so unseen by whatever captures edits of rows. */
export async function unseen(sql: Sql, ...statements: readonly string[]): Promise<void> {
  await sql.begin(async (step) => {
    await step`select set_config('rapport.projecting', 'on', true)`
    for (const statement of statements) await step.unsafe(statement)
  })
}

const contactPlan = (stage: ProjectionStage): Plan => {
  const plan = stage.plans.find(({ type }) => type.name === 'contact')
  if (plan === undefined) throw new Error('contacts are mapped')
  return plan
}

const look = (stage: ProjectionStage, recordsAtOnce = 3): Promise<MappingReport> =>
  reportDrift({ sql: stage.sql, log: stage.log, clock: systemClock, recordsAtOnce }, contactPlan(stage), stage.plans)

async function repair(stage: ProjectionStage, policy: ForeignPolicy = 'review', dry = false): Promise<RepairSummary> {
  const repair = createRepair(stage.sql, contactPlan(stage), createMissedRows(stage.sql, contactPlan(stage)), { policy, dry })
  const deps = { sql: stage.sql, log: stage.log, clock: systemClock, recordsAtOnce: 3 }
  await reportDrift(deps, contactPlan(stage), stage.plans, repair)
  if (!dry) await settle(stage)
  return repair.summary()
}

/** The kinds that were found, with how many records each. */
function kindsOf({ drift }: MappingReport): Partial<Record<DriftKind, number>> {
  const found = Object.entries(drift).filter(([, { count }]) => count > 0)
  return Object.fromEntries(found.map(([kind, { count }]) => [kind, count]))
}

const named = ({ samples }: KindReport) => samples.map(({ id, tables }) => [id, tables])

async function createContacts(stage: ProjectionStage, count = 5): Promise<{ tenant: Tenant; keys: readonly RecordKey[] }> {
  const tenant = freshTenant()
  const keys = Array.from({ length: count }, (_, n) => recordKey(`r${n}`, tenant))
  for (const [n, key] of keys.entries()) {
    await stage.edit(key, (editor) => {
      editor.set('lastName', `Name ${n}`)
      editor.set('creditLimit', '1250.50')
      editor.addEntry('emails', { address: `a${n}@example.org` }, { id: 'e1' })
      editor.addEntry('activities', { kind: 'call', at: '2026-01-02T03:04:05.123456Z' }, { id: 'a1' })
      editor.add('tags', 'vip')
    })
  }
  return { tenant, keys }
}

/** With contacts that are projected and in step, in a database where nothing else drifts; left in step, too. */
async function inStep(
  sql: Sql,
  use: (stage: ProjectionStage, tenant: Tenant, keys: readonly RecordKey[]) => Promise<void>,
): Promise<void> {
  await onWritableStage(sql, async (stage) => {
    const { tenant, keys } = await createContacts(stage)
    // Of a test that failed, too.
    await stage.sql`delete from rapport.inbound_changes`
    await repair(stage, 'restore')
    expect(kindsOf(await look(stage))).toEqual({})
    await use(stage, tenant, keys)
    await repair(stage, 'restore')
    expect(kindsOf(await look(stage))).toEqual({})
    expect(await stage.wrong(tenant)).toEqual([])
  })
}

export function describeDrift(name: string, sql: () => Sql): void {
  describe(`drift on ${name}`, () => {
    test('P6: random documents that are projected are in step, whatever the pages, and looking writes nothing', () =>
      onStage(sql(), async (stage) => {
        const random = createRandom(7)
        const tenant = freshTenant()
        const plan = contactPlan(stage)
        for (let n = 0; n < 12; n += 1) {
          for (let edits = 1 + random.below(6); edits > 0; edits -= 1) {
            await stage.edit(recordKey(`r${n}`, tenant), (_, document) => randomEdit(random, plan.type, document))
          }
        }
        await stage.projector().drain()
        const before = await versions(stage, tenant)
        for (const recordsAtOnce of [1, 4, 100]) {
          const report = await look(stage, recordsAtOnce)
          expect(kindsOf(report)).toEqual({})
          expect(report.records).toBeGreaterThanOrEqual(12)
          expect(isClean([report])).toBe(true)
        }
        expect(await versions(stage, tenant)).toEqual(before)
      }))

    test('lag: an edit that waits is lag alone, with its age, and the projector’s own business', () =>
      inStep(sql(), async (stage, tenant, [first, second]) => {
        for (const key of [first, second]) if (key) await stage.edit(key, (editor) => editor.set('title', 'Countess'))
        await stage.sql`update rapport.projection_marks set at = now() - interval '1 hour' where tenant = ${tenant} and record_id = 'r0'`
        const report = await look(stage)
        expect(kindsOf(report)).toEqual({ lag: 2 })
        expect(report.drift.lag.oldestSeconds).toBeGreaterThanOrEqual(3_599)
        expect(isClean([report])).toBe(false)
        expect((await repair(stage)).records).toEqual([])
        expect(kindsOf(await look(stage))).toEqual({})
      }))

    test('lag without a mark, which nobody would come for, is mended', () =>
      inStep(sql(), async (stage, tenant, [first]) => {
        if (first) await stage.edit(first, (editor) => editor.set('title', 'Countess'))
        await stage.sql`delete from rapport.projection_marks where tenant = ${tenant}`
        await stage.projector().drain()
        expect(kindsOf(await look(stage))).toEqual({ lag: 1 })
        expect((await repair(stage)).records).toEqual([{ tenant, id: 'r0', kinds: ['lag'], action: 'reproject' }])
        expect(kindsOf(await look(stage))).toEqual({})
      }))

    test('stale: a shadow that is not what the document said is named by its columns, and the event of its repair is a read', () =>
      inStep(sql(), async (stage, tenant) => {
        await unseen(
          stage.sql,
          `update rapport.projection_state set base = jsonb_set(base, '{last_name}', '"Other"') where tenant = '${tenant}' and record_id = 'r1'`,
          `update contacts set last_name = 'Other' where tenant = '${tenant}' and id = 'r1'`,
        )
        const report = await look(stage)
        expect(kindsOf(report)).toEqual({ stale: 1 })
        expect(named(report.drift.stale)).toEqual([['r1', { contacts: ['last_name'] }]])
        expect((await repair(stage)).actions).toMatchObject({ reproject: 1 })
        expect(await stage.wrong(tenant)).toEqual([])
        const events = (await stage.events(tenant)).filter(({ aggregateid }) => aggregateid === 'r1')
        expect(events.map(({ payload }) => [payload.op, payload.changed])).toContainEqual(['r', ['last_name']])
      }))

    test('foreign: rows changed unseen are named by table and column, never by value; kept until they are given up', () =>
      inStep(sql(), async (stage, tenant) => {
        await unseen(
          stage.sql,
          `update contacts set last_name = 'Secret', credit_limit = 7 where tenant = '${tenant}' and id = 'r2'`,
          `update contact_emails set address = 'secret@example.org' where tenant = '${tenant}' and contact_id = 'r2'`,
          // The same values, otherwise written.
          `update contacts set credit_limit = 1250.5, custom = '{}' where tenant = '${tenant}' and id = 'r3'`,
        )
        const report = await look(stage)
        expect(kindsOf(report)).toEqual({ foreign: 1 })
        expect(named(report.drift.foreign)).toEqual([
          ['r2', { contacts: ['last_name', 'credit_limit'], contact_emails: ['address'] }],
        ])
        expect(JSON.stringify(report)).not.toMatch(/secret/i)

        const before = await versions(stage, tenant)
        expect((await repair(stage, 'restore', true)).records).toEqual([
          { tenant, id: 'r2', kinds: ['foreign'], action: 'restore' },
        ])
        expect((await repair(stage)).records).toEqual([{ tenant, id: 'r2', kinds: ['foreign'], action: 'review' }])
        expect(await versions(stage, tenant)).toEqual(before)
        expect((await repair(stage, 'restore')).actions).toMatchObject({ restore: 1, review: 0 })
        expect(await stage.wrong(tenant)).toEqual([])
      }))

    test('missing: main rows and child rows that are gone are written again', () =>
      inStep(sql(), async (stage, tenant) => {
        await unseen(
          stage.sql,
          `delete from contacts where tenant = '${tenant}' and id = 'r0'`,
          `delete from contact_emails where tenant = '${tenant}' and contact_id = 'r1'`,
          `delete from contact_tags where tenant = '${tenant}' and contact_id = 'r1'`,
        )
        // One that was never projected, and will not be by itself.
        await stage.edit(recordKey('lost', tenant), (editor) => editor.set('lastName', 'Lost'))
        await stage.sql`delete from rapport.projection_marks where tenant = ${tenant}`
        const report = await look(stage)
        expect(kindsOf(report)).toEqual({ missing: 3 })
        expect(named(report.drift.missing)).toEqual([
          ['lost', { contacts: [] }],
          ['r0', { contacts: [] }],
          ['r1', { contact_emails: [], contact_tags: [] }],
        ])
        expect((await repair(stage)).actions).toMatchObject({ reproject: 3, review: 0 })
        expect(kindsOf(await look(stage))).toEqual({})
        expect(await stage.wrong(tenant)).toEqual([])
      }))

    test('extra: rows of a record that its document does not have, and rows of no record; those of an erased one always go', () =>
      inStep(sql(), async (stage, tenant) => {
        await stage.sql`
          insert into rapport.records (tenant, type, id, created_at, created_by, erased)
          values (${tenant}, 'contact', 'erased', now(), 'ada', true)`
        await unseen(
          stage.sql,
          `insert into contact_tags (tenant, contact_id, tag) values ('${tenant}', 'r4', 'foreign')`,
          `insert into contacts (tenant, id, last_name) values ('${tenant}', 'nobody', 'N'), ('${tenant}', 'erased', 'E')`,
          `insert into contact_emails (tenant, contact_id, id) select '${tenant}', 'nobody', 'e' || n from generate_series(1, 1500) n`,
        )
        const report = await look(stage)
        expect(kindsOf(report)).toEqual({ extra: 4 })
        expect(named(report.drift.extra)).toEqual([
          ['r4', { contact_tags: [] }],
          ['erased', { contacts: [] }],
          ['nobody', { contacts: [] }],
          ['nobody', { contact_emails: [] }],
        ])
        expect((await repair(stage)).actions).toEqual({ reproject: 0, absorb: 0, restore: 0, remove: 1, review: 3 })
        expect(await stage.sql`select id from contacts where tenant = ${tenant} and id in ('nobody', 'erased')`).toEqual([
          { id: 'nobody' },
        ])
        expect((await repair(stage, 'restore')).actions).toEqual({ reproject: 0, absorb: 0, restore: 1, remove: 1, review: 0 })
        expect(await stage.sql`select 1 from contact_emails where tenant = ${tenant} and contact_id = 'nobody'`).toEqual([])
      }))

    test('outdated: rows of another version of the mapping', () =>
      inStep(sql(), async (stage, tenant) => {
        await stage.sql`update rapport.projection_state set mapping_version = 9 where tenant = ${tenant} and record_id = 'r1'`
        const report = await look(stage)
        expect(kindsOf(report)).toEqual({ outdated: 1 })
        expect((await repair(stage)).records).toEqual([{ tenant, id: 'r1', kinds: ['outdated'], action: 'reproject' }])
      }))

    test('faulty: what cannot be written is for a person to look at', () =>
      inStep(sql(), async (stage, _, [first]) => {
        await stage.sql`alter table contacts add constraint no_vip check (title <> 'Emperor')`
        if (first) await stage.edit(first, (editor) => editor.set('title', 'Emperor'))
        await stage.projector().drain()
        expect(kindsOf(await look(stage))).toEqual({ faulty: 1 })
        expect((await repair(stage)).actions).toMatchObject({ review: 1, reproject: 0 })
        await stage.sql`alter table contacts drop constraint no_vip`
        if (first) await stage.edit(first, (editor) => editor.set('title', 'King'))
      }))

    test('P7: an edit of rows that was captured is lag and not foreign, from its statement until the rows are projected; refused, it is irreversible', () =>
      inStep(sql(), async (stage, tenant) => {
        const before = (await look(stage)).drift.irreversible.count
        await stage.sql`update contacts set title = 'CTO' where tenant = ${tenant} and id = 'r0'`
        await stage.sql`update contacts set stage = 'nonsense', department = 'R&D' where tenant = ${tenant} and id = 'r1'`
        await stage.sql`insert into contacts (tenant, id, last_name) values (${tenant}, 'arriving', 'New')`
        expect(kindsOf(await look(stage))).toEqual({ lag: 2, ...(before > 0 && { irreversible: before }) })
        expect((await repair(stage, 'restore', true)).records).toEqual([])
        await stage.absorber().drain()
        expect(kindsOf(await look(stage))).toMatchObject({ lag: 3, irreversible: before + 1 })
        expect(Object.keys(kindsOf(await look(stage))).sort()).toEqual(['irreversible', 'lag'])
        await stage.projector().drain()
        const report = await look(stage)
        expect(kindsOf(report)).toEqual({ irreversible: before + 1 })
        expect(report.drift.irreversible.samples[0]).toMatchObject({ tenant, id: 'r1', tables: { contacts: [] } })
        expect(report.drift.irreversible.samples[0]?.reason).toMatch(/stage/)
        expect(JSON.stringify(report)).not.toContain('nonsense')
        expect(isClean([report])).toBe(true)
        await stage.sql`delete from rapport.inbound_changes where tenant = ${tenant}`
      }))

    test('P7: what was typed unseen is absorbed: values, rows of children, whole records; what cannot be is put right, and told', () =>
      inStep(sql(), async (stage, tenant, [first, second]) => {
        if (first === undefined || second === undefined) throw new Error('five records')
        await unseen(
          stage.sql,
          `update contacts set last_name = 'Typed', credit_limit = 99.5, created_at = now() where tenant = '${tenant}' and id = 'r0'`,
          `update contact_emails set address = 'typed@example.org' where tenant = '${tenant}' and contact_id = 'r0'`,
          `insert into contact_tags (tenant, contact_id, tag) values ('${tenant}', 'r0', 'typed')`,
          `update contacts set title = 'By hand' where tenant = '${tenant}' and id = 'r1'`,
          `insert into contacts (tenant, id, last_name) values ('${tenant}', 'unknown', 'Somebody'), ('${tenant}', 'no id', 'Nobody')`,
          `insert into contact_emails (tenant, contact_id, id, address) values ('${tenant}', 'unknown', 'e9', 's@example.org')`,
        )
        // The document moved on meanwhile, in another field and in the same one.
        await stage.edit(first, (editor) => editor.set('department', 'R&D'))
        await stage.edit(second, (editor) => editor.set('title', 'By phone'))
        expect((await repair(stage, 'absorb', true)).records).toEqual([
          { tenant, id: 'r0', kinds: ['lag', 'foreign', 'extra'], action: 'absorb' },
          { tenant, id: 'r1', kinds: ['lag', 'foreign'], action: 'absorb' },
          { tenant, id: 'no id', kinds: ['extra'], action: 'review' },
          { tenant, id: 'unknown', kinds: ['extra'], action: 'absorb' },
          { tenant, id: 'unknown', kinds: ['extra'], action: 'review' },
        ])
        await repair(stage, 'absorb')
        expect(await stage.wrong(tenant)).toEqual([])
        expect(await read(stage, first)).toMatchObject({
          fields: { lastName: 'Typed', creditLimit: '99.50', department: 'R&D' },
          tags: ['typed', 'vip'],
          emails: { e1: { address: 'typed@example.org' } },
        })
        expect(await conflictsOf(stage.sql, second)).toMatchObject([{ path: ['fields', 'title'] }])
        expect((await read(stage, recordKey('unknown', tenant))).emails).toMatchObject({ e9: { address: 's@example.org' } })
        const changes = await changesOf(stage.sql, tenant)
        expect(changes.every(({ author }) => author === 'sql:unseen')).toBe(true)
        expect(changes.filter(({ status }) => status !== 'absorbed')).toMatchObject([
          { table: 'contacts', op: 'update', status: 'partial', reason: expect.stringContaining('created_at') },
        ])
        expect(Object.keys(kindsOf(await look(stage))).sort()).toEqual(['extra', 'irreversible'])
        await stage.sql`delete from rapport.inbound_changes where tenant = ${tenant}`
      }))

    test('everything at once, random damage: what is told is what was done, and a repair leaves nothing', () =>
      inStep(sql(), async (stage, tenant, keys) => {
        for (const seed of [1, 2, 3]) {
          const random = createRandom(seed)
          const damaged = new Map<string, Set<DriftKind>>()
          const damage = async (id: string, kind: DriftKind, statement: string): Promise<void> => {
            damaged.set(id, (damaged.get(id) ?? new Set()).add(kind))
            await unseen(
              stage.sql,
              `${statement} where tenant = '${tenant}' and ${statement.includes('contact_') ? 'contact_id' : 'id'} = '${id}'`,
            )
          }
          for (const { id } of keys) {
            if (random.chance(0.4)) await damage(id, 'foreign', `update contacts set stage = 'x${seed}'`)
            if (random.chance(0.4)) await damage(id, 'missing', 'delete from contact_emails')
            if (random.chance(0.4)) {
              await damage(id, 'extra', `insert into contact_tags select tenant, contact_id, 'x' || tag from contact_tags`)
            }
          }
          const found = new Map<string, Set<DriftKind>>()
          for (const [kind, { samples }] of Object.entries((await look(stage)).drift)) {
            for (const { id } of samples) found.set(id, (found.get(id) ?? new Set()).add(kind as DriftKind))
          }
          expect(found, `seed ${seed}`).toEqual(damaged)
          await repair(stage, 'restore')
          expect(kindsOf(await look(stage)), `seed ${seed}`).toEqual({})
        }
      }))
  })
}
