/**
 * Projects every record of a mapping again, in the order of their keys: how a new mapping, or a new version of one, gets its rows, and how
 * damaged rows are mended. Nothing is deleted to be inserted again; a row that is right stays as it is, columns of others with it.
 *
 * How far it is stands in the database and moves in the transaction that writes the rows, so it can be killed at any point and goes on
 * there, exactly. Several processes may run the same rebuild: each step is one process's. A record that somebody holds is marked.
 *
 * The highest version of a mapping that ever started is in force, in whatever order processes start and end: those of a lower one leave
 * its rows alone. To go back to an older mapping, release it again under a higher version.
 */
import { type Clock, sleep } from '@rapport/shared/clock.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import { type Item, Overtaken, type Rebuilding, type RecordWriter, type Tally } from './isolation.ts'
import { forget, keyOf, rfc3339 } from './marks.ts'
import { type ReadingDeps, readRecords } from './reading.ts'
import { run, runPlanned, type Session } from './transaction.ts'

export interface Progress {
  /** Records passed so far, and those of them that had a row written or deleted. */
  readonly seen: number
  readonly changed: number
}

/**
 * When to begin. `outdated`: only if rows are of a lower version. `again`: also if the last one is finished, or was begun so long ago that
 * rows behind its cursor may have been damaged since. `anew`: in any case.
 */
export type When = 'outdated' | 'again' | 'anew'

export interface Standing {
  /** `newer`: a higher version of the mapping is in force. */
  readonly state: 'begun' | 'unfinished' | 'finished' | 'newer'
  /** When the rebuild was begun that is in force, as RFC 3339. */
  readonly since: string
  /** Grows with every step. */
  readonly seen: number
}

export interface Rebuild {
  readonly plan: Plan
  /** Begins, or says what there is to go on with. */
  begin(when: When): Promise<Standing>
  /** Some records further. False at the end, or when another version of the mapping has come into force. */
  step(): Promise<boolean>
  progress(): Progress
  /** How many records there are to pass. */
  total(): Promise<number>
  /** How many cannot be projected. */
  faults(): Promise<number>
}

/** Milliseconds that another process, which is at the same rebuild, is left to finish its step. */
const OVERTAKEN = 50

interface StepRow extends Progress {
  readonly version: number
  readonly tenant: string
  readonly id: string
  readonly finished: boolean
  readonly since: string
}

export interface RebuildDeps extends ReadingDeps {
  readonly sql: Sql
  readonly clock: Clock
  readonly recordsAtOnce: number
}

export function createRebuild(deps: RebuildDeps, writer: RecordWriter): Rebuild {
  const { sql, clock, recordsAtOnce } = deps
  const { mapping, type } = writer.plan
  let progress: Progress = { seen: 0, changed: 0 }

  /** Each transaction takes the cursor from where this process believes it to be, to the last record in it. */
  function stepping(from: { readonly tenant: string; readonly id: string }): Rebuilding {
    let at = from
    return {
      async begin(session: Session) {
        const rows = await run(session, TAKE, [mapping.id, mapping.version, at.tenant, at.id])
        if (rows.length === 0) throw new Overtaken('another process is at this rebuild')
      },
      async end(session: Session, items: readonly Item[], tally: Tally) {
        const last = items.at(-1)?.key ?? at
        await run(session, ADVANCE, [mapping.id, last.tenant, last.id, items.length, tally.changed])
      },
      committed(items: readonly Item[]) {
        at = items.at(-1)?.key ?? at
      },
    }
  }

  return {
    plan: writer.plan,
    async begin(when) {
      const { id, version } = mapping
      let [row] = await run<StepRow>(sql, LOOK, [id])
      let begun = false
      if (row === undefined || row.version < version || (row.version === version && when !== 'outdated')) {
        begun = (await run(sql, BEGIN, [id, type.name, version, when])).length > 0
        ;[row] = await run<StepRow>(sql, LOOK, [id])
      }
      const { since = '', seen = 0, finished = false } = row ?? {}
      const newer = row !== undefined && row.version > version
      return { state: newer ? 'newer' : begun ? 'begun' : finished ? 'finished' : 'unfinished', since, seen }
    },

    async step() {
      const [row] = await run<StepRow>(sql, LOOK, [mapping.id])
      if (row === undefined || row.version !== mapping.version) return false
      progress = { seen: row.seen, changed: row.changed }
      if (row.finished) return false
      const found = await runPlanned<{ tenant: string; type: string; id: string }>(sql, PAGE, [
        type.name,
        row.tenant,
        row.id,
        recordsAtOnce,
      ])
      const keys: readonly RecordKey[] = found.flatMap(keyOf)
      if (keys.length === 0) {
        await run(sql, FINISH, [mapping.id, mapping.version, row.tenant, row.id])
        return true
      }
      const { items, gone } = await readRecords(deps, writer.plan, keys)
      await forget(sql, gone)
      try {
        await writer.write(items, stepping(row))
      } catch (error) {
        if (!(error instanceof Overtaken)) throw error
        await sleep(clock, OVERTAKEN)
      }
      return true
    },

    progress: () => progress,

    async total() {
      const [row] = await runPlanned<{ count: number }>(sql, TOTAL, [type.name])
      return row?.count ?? 0
    },

    async faults() {
      const [row] = await runPlanned<{ count: number }>(sql, FAULTS, [mapping.id])
      return row?.count ?? 0
    },
  }
}

const BEGIN = `
insert into rapport.projection_rebuilds as b (mapping, record_type, version, started_at)
values ($1, $2, $3, now())
on conflict (mapping) do update
set record_type = excluded.record_type, version = excluded.version, cursor_tenant = '', cursor_id = '', seen = 0, changed = 0,
  started_at = excluded.started_at, finished_at = null
where b.version < excluded.version or (b.version = excluded.version and case $4::text
  when 'anew' then true
  when 'again' then b.finished_at is not null or b.started_at <= now() - interval '1 hour'
  else false
end)
returning 1`

const LOOK = `
select version, cursor_tenant as tenant, cursor_id as id, seen, changed, finished_at is not null as finished,
  ${rfc3339('started_at')} as since
from rapport.projection_rebuilds where mapping = $1`

const PAGE = `
select tenant, type, id from rapport.records
where type = $1 and not erased and (tenant, type, id) > ($2, $1, $3)
order by tenant, type, id
limit $4::int`

const TAKE = `
select 1 from rapport.projection_rebuilds
where mapping = $1 and version = $2 and cursor_tenant = $3 and cursor_id = $4 and finished_at is null
for update skip locked`

const ADVANCE = `
update rapport.projection_rebuilds
set cursor_tenant = $2, cursor_id = $3, seen = seen + $4::int, changed = changed + $5::int
where mapping = $1`

const FINISH = `
update rapport.projection_rebuilds set finished_at = now()
where mapping = $1 and version = $2 and cursor_tenant = $3 and cursor_id = $4 and finished_at is null`

const TOTAL = 'select count(*) as count from rapport.records where type = $1 and not erased'

const FAULTS = 'select count(*) as count from rapport.projection_state where mapping = $1 and fault is not null'
