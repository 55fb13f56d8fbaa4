/**
 * Change events of a batch, written in its own transaction: a reader of the outbox never sees an event without its rows, nor rows
 * without their event. Column names are those that Debezium's outbox router expects.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { type Author, type RecordKey, uuidv7 } from '@rapport/shared/ids.ts'
import { withoutBindings } from '@rapport/shared/mapping/shadow.ts'
import type { ChangePayload } from './events.ts'
import { instant, keyColumns } from './marks.ts'
import { run, type Session } from './transaction.ts'

export interface ChangeEvent {
  readonly key: RecordKey
  /** The sequence that was projected before: authors of later entries are named. */
  readonly since: number
  readonly payload: Omit<ChangePayload, 'authors'>
}

interface AuthorsRow {
  readonly place: number
  readonly authors: readonly Author[]
}

export async function writeEvents(session: Session, clock: Clock, type: string, events: readonly ChangeEvent[]): Promise<void> {
  if (events.length === 0) return
  const [tenants, , ids] = keyColumns(events.map(({ key }) => key))
  const since = events.map((event) => event.since)
  const until = events.map(({ payload }) => payload.documentSequence)
  const rows = await run<AuthorsRow>(session, AUTHORS, [tenants, ids, since, until, type])
  const authors = new Map(rows.map((row) => [row.place, row.authors]))
  const written = events.map(({ key, payload }, index) => ({
    tenant: key.tenant,
    id: uuidv7(clock),
    aggregateid: key.id,
    payload: { ...payload, ...rowsIn(payload), authors: authors.get(index + 1) ?? [] },
  }))
  await run(session, INSERT, [JSON.stringify(written), type, `rapport.${type}.changed.v1`, clock.now()])
}

/** Readers apply rows; what the way back must know beside them is nobody else's. */
function rowsIn({ before, after }: ChangeEvent['payload']): Pick<ChangePayload, 'before' | 'after'> {
  return { before: before && withoutBindings(before), after: withoutBindings(after) }
}

const AUTHORS = `
select given.place::int as place, (
  select coalesce(jsonb_agg(distinct author), '[]')
  from rapport.record_updates u
  cross join lateral jsonb_array_elements(u.authors) as author
  where u.tenant = given.tenant and u.type = $5 and u.record_id = given.id
    and u.sequence > given.since and u.sequence <= given.until
) as authors
from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) with ordinality as given (tenant, id, since, until, place)`

const INSERT = `
insert into rapport.outbox (tenant, id, aggregatetype, aggregateid, type, payload, at)
select tenant, id, $2, aggregateid, $3, payload, ${instant('$4')}
from jsonb_to_recordset($1::text::jsonb) as event (tenant text, id uuid, aggregateid text, payload jsonb)`
