/** Projectors and rebuilds in processes of their own that are killed without a word, on any database. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { editorOf } from '@rapport/shared/schema/edit.ts'
import { writeMeta } from '@rapport/shared/schema/layout.ts'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import type { Sql } from '../../server/db.ts'
import { createSqlLogStore } from '../../server/log/sql-log-store.ts'
import { createRandom } from '../simulation/random.ts'
import { entryOf, freshTenant, recordKey } from './entries.ts'
import { guard } from './guard.ts'
import type { ProjectionStage } from './projection-stage.ts'
import { onStage, versions } from './projection-suite.ts'
import { randomEdit } from './random-edits.ts'
import { until } from './stock-client.ts'

/** A migrated database that other processes can reach, too. */
export interface SharedDatabase {
  readonly sql: Sql
  readonly environment: Readonly<Record<string, string>>
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const PROJECTOR = fileURLToPath(new URL('./projector-process.ts', import.meta.url))
const CLI = fileURLToPath(new URL('../../server/cli.ts', import.meta.url))

/** `node FILE …ARGS`; `output` resolves with all of stdout once it has ended, `kill` with whether it was still running. */
export function startProcess({ environment }: SharedDatabase, file: string, ...args: string[]) {
  const child = spawn(process.execPath, [file, ...args], {
    cwd: ROOT,
    env: { ...process.env, LOG_LEVEL: 'error', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const release = guard('kill -KILL "$1"', String(child.pid))
  const lines: string[] = []
  const errors: string[] = []
  createInterface(child.stdout).on('line', (line) => lines.push(line))
  createInterface(child.stderr).on('line', (line) => errors.push(line))
  const ended = once(child, 'close').then(([code]) => {
    release()
    return { code: code as number | null, stdout: lines.join('\n'), stderr: errors.join('\n') }
  })
  return {
    lines,
    ended,
    async kill(): Promise<boolean> {
      const running = child.exitCode === null
      child.kill('SIGKILL')
      await ended
      return running
    },
  }
}

/** Every event follows on the one before it: no change is missing, and none is told twice. */
export async function expectChained(stage: ProjectionStage, tenant: string): Promise<void> {
  const events = await stage.events(tenant)
  for (const [index, { aggregatetype, aggregateid, payload }] of events.entries()) {
    const before = events[index - 1]
    const same = before?.aggregateid === aggregateid && before.aggregatetype === aggregatetype
    const expected = same ? before.payload.after : null
    // An entry that no column shows moves the count and makes no event.
    expect({ ...payload.before, sequence: 0 }).toEqual({ ...expected, sequence: 0 })
  }
}

export function describeKilledProjectors(name: string, open: () => SharedDatabase, seeds: readonly number[]): void {
  describe(`killed projectors on ${name}`, () => {
    test.each(seeds)('P6: whatever was edited while projectors were killed, rows are forward(document) (seed %i)', (seed) =>
      onStage(open().sql, async (stage) => {
        const random = createRandom(seed)
        const tenant = freshTenant()
        const keys = stage.plans.flatMap(({ type }) => [1, 2, 3, 4].map((n) => recordKey(`r${n}`, tenant, type.name)))
        const edit = async (): Promise<void> => {
          const key = random.pick(keys)
          const type = stage.plans.find((plan) => plan.type.name === key.type)?.type
          if (type === undefined) throw new Error('no such type')
          await stage.edit(key, (_, document) => {
            if (random.chance(0.05)) writeMeta(document, { deletedAt: random.chance(0.5) ? 1_000 : null })
            else randomEdit(random, type, document)
          })
        }
        for (let round = 0; round < 5; round += 1) {
          const projector = startProcess(open(), PROJECTOR)
          await until(() => projector.lines.length > 0, 'it projects', 30_000)
          const deadline = performance.now() + 100 + random.below(500)
          while (performance.now() < deadline) await edit()
          expect(await projector.kill()).toBe(true)
          for (let n = random.below(10); n > 0; n -= 1) await edit()
        }
        const projected = await stage.events(tenant)
        expect(projected.length).toBeGreaterThan(10)
        const projector = stage.projector()
        await projector.drain()
        expect(await stage.marks(tenant)).toEqual([])
        expect(await stage.wrong(tenant)).toEqual([])
        await expectChained(stage, tenant)
        const before = await versions(stage, tenant)
        for (const rebuild of projector.rebuilds()) {
          await rebuild.begin('again')
          while (await rebuild.step());
        }
        expect(await versions(stage, tenant)).toEqual(before)
      }),
    )
  })
}

/** All rows of all records, as one text a table; what is compared is what a CRM would read. */
async function contents({ sql, plans }: ProjectionStage): Promise<readonly string[]> {
  const digests: string[] = []
  for (const table of plans.flatMap((plan) => [plan.main, ...plan.children])) {
    const order = table.key.map((column) => `"${column}"`).join(', ')
    const [row] = await sql.unsafe<{ digest: string }[]>(
      `select '${table.name} ' || count(*) || ' ' || coalesce(md5(string_agg(to_jsonb(t)::text, ',' order by ${order})), '') as digest
      from public."${table.name}" t`,
    )
    digests.push(row?.digest ?? '')
  }
  return digests
}

/** Contacts as an import makes them, straight into the log. */
export async function createContacts(
  stage: ProjectionStage,
  tenant: ReturnType<typeof freshTenant>,
  count: number,
): Promise<void> {
  const store = createSqlLogStore(stage.sql)
  const contact = stage.plans.find((plan) => plan.type.name === 'contact')
  if (contact === undefined) throw new Error('contacts are mapped')
  for (let n = 0; n < count; n += 250) {
    const entries = Array.from({ length: Math.min(250, count - n) }, (_, index) => {
      const document = new Y.Doc()
      const editor = editorOf(contact.type, document)
      writeMeta(document, { schemaVersion: 1, createdAt: 1_700_000_000_000 })
      editor.set('firstName', `Ada ${n + index}`)
      editor.set('lastName', 'Lovelace')
      editor.add('tags', 'vip')
      editor.addEntry('emails', { label: 'work', address: `a${n + index}@example.org` }, { id: 'e1' })
      editor.addEntry('phones', { number: '+49 30 123456' }, { id: 'p1' })
      return entryOf(recordKey(`c${n + index}`, tenant), undefined, { update: Y.encodeStateAsUpdate(document) })
    })
    await store.insert(entries)
  }
}

export function describeKilledRebuild(name: string, open: () => SharedDatabase, count: number): void {
  describe(`killed rebuild on ${name}`, () => {
    test(`of ${count} records, killed again and again, is resumed and exact; columns of others stay`, () =>
      onStage(open().sql, async (stage) => {
        const { sql } = stage
        const random = createRandom(count)
        await createContacts(stage, freshTenant(), count)
        await sql`alter table contacts add column if not exists score integer`
        await stage.projector().drain()
        await sql`update contacts set score = 7`
        const right = await contents(stage)
        await sql`update contacts set last_name = 'damaged', title = 'damaged'`
        await sql`delete from contact_emails where contact_id like '%3'`
        await sql`insert into contact_phones (tenant, contact_id, id) select tenant, id, 'foreign' from contacts where id like '%5'`
        await sql`delete from contacts where id like '%77'`
        const [events] = await sql<{ count: number }[]>`select count(*) as count from rapport.outbox`

        const progress = async (): Promise<{ seen: number; finished: boolean }> => {
          const [row] = await sql<{ seen: number; finished: boolean }[]>`
            select seen, finished_at is not null as finished from rapport.projection_rebuilds where mapping = 'contact'`
          return row ?? { seen: 0, finished: false }
        }
        let kills = 0
        let seen = 0
        for (let goal = 0; kills < 5; kills += 1) {
          const rebuild = startProcess(open(), CLI, 'rebuild', 'contact')
          goal = Math.min(seen + 1 + random.below(Math.ceil(count / 6)), count - 1)
          await until(async () => (await progress()).seen >= goal, 'it gets on', 120_000)
          await sleep(random.below(30))
          if (!(await rebuild.kill())) break
          const now = await progress()
          expect(now.seen).toBeGreaterThan(seen)
          seen = now.seen
          if (now.finished) break
        }
        expect(kills).toBeGreaterThan(2)

        const last = await startProcess(open(), CLI, 'rebuild', 'contact').ended
        const resumed = expect.stringMatching(/^Going on with the rebuild of contact begun at \S+Z and not finished; /)
        expect([last.code, last.stderr]).toEqual([0, resumed])
        expect(JSON.parse(last.stdout)).toEqual([{ mapping: 'contact', type: 'contact', seen: count, changed: count, faults: 0 }])
        await sql`update contacts set score = 7 where score is null`
        expect(await contents(stage)).toEqual(right)
        const [after] = await sql<{ count: number }[]>`select count(*) as count from rapport.outbox where payload->>'op' = 'r'`
        expect([after?.count, events?.count]).toEqual([count, count])
        expect(await sql`select 1 from rapport.projection_marks`).toEqual([])

        const again = await startProcess(open(), CLI, 'rebuild').ended
        expect(again).toMatchObject({ code: 0, stderr: '' })
        expect(JSON.parse(again.stdout)).toEqual([
          { mapping: 'account', type: 'account', seen: 0, changed: 0, faults: 0 },
          { mapping: 'contact', type: 'contact', seen: count, changed: 0, faults: 0 },
          { mapping: 'opportunity', type: 'opportunity', seen: 0, changed: 0, faults: 0 },
        ])
      }))
  })
}
