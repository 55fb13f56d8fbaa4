/**
 * Brings the rows of one mapping's records in line with their documents, in one transaction with change events, checkpoint and marks
 * (P6). In this order: claim, lock the main rows, look for changes that wait to be absorbed, write. A record that somebody else
 * holds, or of which a SQL writer's change waits (P7), is left out and keeps its mark: the change's own entry brings its rows in line.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '@rapport/shared/clock.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { Plan, Shadow } from '@rapport/shared/mapping/plan.ts'
import { shadowOf } from '@rapport/shared/mapping/shadow.ts'
import { changedNames, operationOf } from './events.ts'
import { instant, keyColumns, settleMarks } from './marks.ts'
import { type ChangeEvent, writeEvents } from './outbox.ts'
import type { Mapped } from './reading.ts'
import { createRowWriter, type Named } from './row-writer.ts'
import { planStatements } from './table-statements.ts'
import { run, type Session, together } from './transaction.ts'

export interface Written {
  /** Records whose rows were brought in line. */
  readonly settled: readonly Mapped[]
  /** Records that somebody else holds, or that wait for changes to be absorbed. */
  readonly busy: readonly Mapped[]
  /** How many of those settled had a row written or deleted. */
  readonly changed: number
}

export interface BatchWriter {
  /**
   * Within a transaction, as its only use of the session meanwhile. `rebuilding`: records that are up to date, too. Their state rows
   * must be there. Throws what the database throws.
   */
  write(session: Session, records: readonly Mapped[], rebuilding: boolean): Promise<Written>
}

/** What the checkpoint says of a claimed record. */
interface State extends Named {
  readonly sequence: number
  readonly version: number
  readonly base: Shadow | null
  readonly misfits: Mapped['projection']['misfits'] | null
  readonly faulty: boolean
  readonly marked: boolean
}

interface Held extends Named {
  readonly free: boolean
  readonly erased: boolean
}

interface Claimed {
  readonly record: Mapped
  readonly state: State
  readonly after: Shadow
}

/** `others`: further mappings of the same record type. */
export function createBatchWriter(plan: Plan, others: readonly string[], clock: Clock): BatchWriter {
  const { id: mapping, version } = plan.mapping
  const type = plan.type.name
  const statements = planStatements(plan)
  const rows = createRowWriter(plan, statements)
  const names = [...plan.main.columns, ...plan.children].map(({ name }) => name)

  async function claim(session: Session, records: readonly Mapped[]): Promise<Map<string, State>> {
    const [tenants, , ids] = keyColumns(records.map(({ key }) => key))
    const sequences = records.map(({ sequence }) => sequence)
    return byName(await run<State>(session, CLAIM, [tenants, ids, sequences, type, mapping, version]))
  }

  async function hold(session: Session, claimed: readonly Claimed[]): Promise<Map<string, Held>> {
    const [tenants, , ids] = keyColumns(claimed.map(({ record }) => record.key))
    return byName(await run<Held>(session, statements.hold, [tenants, ids, type]))
  }

  /** A statement of its own, so that it sees what was committed before the rows were held. */
  async function awaited(session: Session, held: readonly Claimed[]): Promise<ReadonlySet<string>> {
    if (held.length === 0) return new Set()
    const [tenants, , ids] = keyColumns(held.map(({ record }) => record.key))
    return new Set((await run<Named>(session, statements.awaited, [tenants, ids, type])).map(nameOf))
  }

  function eventOf({ record, state, after }: Claimed, touched: boolean, rebuilding: boolean): ChangeEvent | undefined {
    const changed = changedNames(plan, state.base, after)
    // Where the log holds nothing that was not projected before, other rows come of another mapping, or of damage.
    const replayed = state.base === null ? rebuilding && !state.marked && !state.faulty : state.sequence === record.sequence
    if (state.base !== null && changed.length === 0 && !(rebuilding && replayed && touched)) return undefined
    const payload = {
      op: operationOf(plan, state.base, after, replayed),
      before: state.base,
      after,
      changed,
      documentSequence: record.sequence,
      mappingVersion: version,
    }
    return { key: record.key, since: state.sequence, payload }
  }

  async function checkpoint(session: Session, claimed: readonly Claimed[]): Promise<void> {
    const outdated = claimed.filter((one) => !isKept(one, version))
    if (outdated.length === 0) return
    const states = outdated.map(({ record: { key, sequence, projection }, after }) => ({
      tenant: key.tenant,
      id: key.id,
      sequence,
      base: after,
      misfits: misfitsOf(projection),
    }))
    await run(session, CHECKPOINT, [JSON.stringify(states), type, mapping, version, clock.now(), names])
  }

  return {
    async write(session, records, rebuilding) {
      const states = await claim(session, records)
      const current: Mapped[] = []
      const busy: Mapped[] = []
      const claimed: Claimed[] = []
      for (const record of records) {
        const state = states.get(nameOf(record.key))
        if (state === undefined) busy.push(record)
        else if (!isCurrent(state, record, version, rebuilding))
          claimed.push({ record, state, after: shadowOf(record.projection) })
        else if (state.marked) current.push(record)
      }
      const held = claimed.length === 0 ? new Map<string, Held>() : await hold(session, claimed)
      const waiting = await awaited(session, claimed)
      const free: Claimed[] = []
      for (const one of claimed) {
        const row = held.get(nameOf(one.record.key))
        // One that was erased meanwhile is found out by whoever reads it next.
        if (row?.free === true && !row.erased && !waiting.has(nameOf(one.record.key))) free.push(one)
        else busy.push(one.record)
      }
      const settled = free.map(({ record }) => record)
      const settle = settleMarks(session, type, [...current, ...settled], others)
      const [touches] = await together([settled.length === 0 ? [] : rows.write(session, settled), settle])
      const touched = new Set(touches.filter(({ news }) => news !== false).map(nameOf))
      const events = free.flatMap((one) => eventOf(one, touched.has(nameOf(one.record.key)), rebuilding) ?? [])
      await together([writeEvents(session, clock, type, events), checkpoint(session, free)])
      return { settled, busy, changed: new Set(touches.map(nameOf)).size }
    },
  }
}

/** Nothing is to be done, or a newer state than ours was projected meanwhile. */
function isCurrent(state: State, record: Mapped, version: number, rebuilding: boolean): boolean {
  if (state.sequence > record.sequence) return true
  return state.sequence === record.sequence && state.version === version && !rebuilding && !state.faulty
}

/** The checkpoint says already what it would be made to say. */
function isKept({ record, state, after }: Claimed, version: number): boolean {
  return (
    state.sequence === record.sequence &&
    state.version === version &&
    !state.faulty &&
    isDeepStrictEqual(state.base, after) &&
    isDeepStrictEqual(state.misfits, misfitsOf(record.projection))
  )
}

function misfitsOf({ misfits }: Mapped['projection']): Mapped['projection']['misfits'] | null {
  return misfits.length === 0 ? null : misfits
}

function byName<T extends Named>(rows: readonly T[]): Map<string, T> {
  return new Map(rows.map((row) => [nameOf(row), row]))
}

function nameOf({ tenant, id }: Named | RecordKey): string {
  return `${tenant}\0${id}`
}

/**
 * The state rows that nobody else holds. None if another version of the mapping is in force: the highest decides, and the
 * other leaves the records alone.
 */
const CLAIM = `
select given.tenant, given.id, s.sequence, s.mapping_version as version, s.base, s.misfits, s.fault is not null as faulty,
  exists (
    select 1 from rapport.projection_marks m
    where m.tenant = given.tenant and m.type = $4 and m.record_id = given.id and m.sequence <= given.sequence
  ) as marked
from unnest($1::text[], $2::text[], $3::bigint[]) as given (tenant, id, sequence)
cross join lateral (
  select * from rapport.projection_state s
  where s.tenant = given.tenant and s.type = $4 and s.record_id = given.id and s.mapping = $5
  for update skip locked
) as s
where coalesce((select b.version from rapport.projection_rebuilds b where b.mapping = $5), $6::int) = $6::int`

/**
 * The rows are there and ours. An insert finds each of them by its key; an update joined to the given ones would compare all with all.
 * What a version wrote where the one behind it writes nothing is kept, so that drift can tell whether somebody changed it since.
 */
const CHECKPOINT = `
insert into rapport.projection_state as s
  (tenant, type, record_id, mapping, mapping_version, sequence, base, misfits, projected_at)
select tenant, $2, id, $3, $4::int, sequence, base, misfits, ${instant('$5')}
from jsonb_to_recordset($1::text::jsonb) as given (tenant text, id text, sequence bigint, base jsonb, misfits jsonb)
on conflict (tenant, type, record_id, mapping) do update
set mapping_version = excluded.mapping_version, sequence = excluded.sequence, base = excluded.base, misfits = excluded.misfits,
  projected_at = excluded.projected_at,
  retired = case when s.mapping_version = excluded.mapping_version then s.retired
    else nullif((coalesce(s.retired, '{}') || coalesce(s.base, '{}')) - $6::text[], '{}') end,
  fault = null, fault_at = null, attempts = 0, retry_at = null`
