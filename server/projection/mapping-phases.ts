/** Where each version of each mapping stands: which one is in force, how far its backfill is, and what earlier ones left behind. */
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import { findLeftBehind, type LeftBehind } from './left-behind.ts'
import { type SeenVersion, seenVersions } from './mapping-versions.ts'
import { runPlanned } from './transaction.ts'

/**
 * `waiting`: admitted, and about to come into force. `backfill`: in force, and bringing the rows of all records up to date. `earlier`: another
 * version is in force, and what this one alone wrote is still there. `contracted`: nothing of it is left.
 */
export type Phase = 'waiting' | 'backfill' | 'in force' | 'earlier' | 'contracted'

export interface VersionStanding {
  readonly mapping: string
  readonly version: number
  readonly phase: Phase
  /** RFC 3339. */
  readonly firstSeen: string
  /** Records passed, and how many there are; of a backfill. */
  readonly seen?: number
  readonly total?: number
  /** By table: columns that earlier versions wrote, and this one does not. */
  readonly left?: LeftBehind['columns']
}

export interface BackfillRow {
  readonly mapping: string
  readonly version: number
  readonly seen: number
  readonly total: number
  readonly finished: boolean
}

/** In the order of ids and versions. `plans`: those of this release; of others nobody knows what they leave behind. */
export async function listVersions(sql: Sql, plans: readonly Plan[]): Promise<readonly VersionStanding[]> {
  const backfills = await readBackfills(sql)
  const standings: VersionStanding[] = []
  for (const { id: mapping, version, firstSeen, contracted } of await seenVersions(sql)) {
    const backfill = backfills.find((one) => one.mapping === mapping)
    const phase = phaseOf(version, contracted, backfill)
    const plan = plans.find((one) => one.mapping.id === mapping && one.mapping.version === version)
    const left = plan === undefined || !isInForce(phase) ? {} : (await findLeftBehind(sql, plan, plans)).columns
    standings.push({
      mapping,
      version,
      phase,
      firstSeen,
      ...(backfill !== undefined && phase === 'backfill' && { seen: backfill.seen, total: backfill.total }),
      ...(Object.keys(left).length > 0 && { left }),
    })
  }
  return standings
}

export async function readBackfills(sql: Sql): Promise<readonly BackfillRow[]> {
  return await runPlanned<BackfillRow>(sql, BACKFILLS, [])
}

function phaseOf(version: SeenVersion['version'], contracted: boolean, backfill: BackfillRow | undefined): Phase {
  if (contracted) return 'contracted'
  if (backfill === undefined || version > backfill.version) return 'waiting'
  if (version < backfill.version) return 'earlier'
  return backfill.finished ? 'in force' : 'backfill'
}

function isInForce(phase: Phase): boolean {
  return phase === 'in force' || phase === 'backfill'
}

const BACKFILLS = `
select b.mapping, b.version, b.seen, b.finished_at is not null as finished,
  (select count(*) from rapport.records r where r.type = b.record_type and not r.erased) as total
from rapport.projection_rebuilds b`
