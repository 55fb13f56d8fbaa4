/**
 * Admits mappings to a database: a version means the same for ever, so one that was seen here with other rules is refused, and a version
 * that is to come into force finds the columns that it writes, or is refused before it has touched a row. Versions that are in force already
 * are not held up by what somebody did to their tables: their records carry the fault.
 */
import { createHash } from 'node:crypto'
import { SyncError } from '@rapport/shared/errors.ts'
import type { Plan, PlanTable } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import { missingColumns } from './expansion.ts'
import { rfc3339 } from './marks.ts'
import { runPlanned } from './transaction.ts'

export interface SeenVersion {
  readonly id: string
  readonly version: number
  /** What it writes, the main table first. */
  readonly tables: readonly PlanTable[]
  /** RFC 3339. */
  readonly firstSeen: string
  readonly contracted: boolean
}

interface HashRow {
  readonly id: string
  readonly version: number
  readonly hash: string
}

/** Throws a `configuration` error that says all that is wrong, a sentence each. */
export async function admitMappings(sql: Sql, plans: readonly Plan[]): Promise<void> {
  const inForce = await versionsInForce(sql)
  const arriving = plans.filter(({ mapping }) => (inForce.get(mapping.id) ?? 0) < mapping.version)
  const problems = [...(await changedMappings(sql, plans)), ...(await missingColumns(sql, arriving))]
  if (problems.length > 0) throw new SyncError('configuration', problems.join(' '))
  const rows = plans.map((plan) => ({
    id: plan.mapping.id,
    version: plan.mapping.version,
    definition: plan.mapping,
    hash: hashOf(plan),
    tables: [plan.main, ...plan.children],
  }))
  await runPlanned(sql, ADMIT, [JSON.stringify(rows)])
  // Of two that begin at once with different rules, one finds the other's.
  const late = await changedMappings(sql, plans)
  if (late.length > 0) throw new SyncError('configuration', late.join(' '))
}

/** By mapping: the version that writes rows now. A mapping that never began is not in it. */
export async function versionsInForce(sql: Sql): Promise<ReadonlyMap<string, number>> {
  const rows = await runPlanned<{ mapping: string; version: number }>(sql, IN_FORCE, [])
  return new Map(rows.map((row) => [row.mapping, row.version]))
}

/** Every version that was ever admitted, by id and version. */
export async function seenVersions(sql: Sql): Promise<readonly SeenVersion[]> {
  return await runPlanned<SeenVersion>(sql, SEEN, [])
}

async function changedMappings(sql: Sql, plans: readonly Plan[]): Promise<readonly string[]> {
  const rows = await runPlanned<HashRow>(sql, HASHES, [plans.map(({ mapping }) => mapping.id)])
  return plans.flatMap((plan) => {
    const { id, version } = plan.mapping
    const seen = rows.find((row) => row.id === id && row.version === version)
    if (seen === undefined || seen.hash === hashOf(plan)) return []
    return [
      `Mapping ${id} is not what it was when its version ${version} was first used with this database: give it a higher version.`,
    ]
  })
}

/** SHA-256 over the definition with all properties in order, in hexadecimal. */
function hashOf({ mapping }: Plan): string {
  return createHash('sha256').update(JSON.stringify(mapping, inOrder)).digest('hex')
}

function inOrder(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
}

const IN_FORCE = 'select mapping, version from rapport.projection_rebuilds'

const HASHES = 'select id, version, hash from rapport.mappings where id = any($1::text[])'

const ADMIT = `
insert into rapport.mappings (id, version, definition, hash, tables)
select id, version, definition, hash, tables
from jsonb_to_recordset($1::text::jsonb) as given (id text, version integer, definition jsonb, hash text, tables jsonb)
order by id collate "C", version
on conflict do nothing`

const SEEN = `
select id, version, tables, ${rfc3339('first_seen')} as "firstSeen", contracted_at is not null as contracted
from rapport.mappings
order by id, version`
