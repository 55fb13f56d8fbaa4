/**
 * Everything between an edit and its rows, in this process, on one database: real log, real rooms, and as many projectors as a test
 * wants. Nothing is projected until a test says so.
 */

import { randomUUID } from 'node:crypto'
import { systemClock } from '@rapport/shared/clock.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import { forward } from '@rapport/shared/mapping/forward.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import { recordTypeOf, requireType } from '@rapport/shared/records/record-types.ts'
import { editorOf, type RecordEditor } from '@rapport/shared/schema/edit.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import * as Y from 'yjs'
import { compileShipped } from '../../drizzle/mappings/mappings.ts'
import type { Role } from '../../server/auth/principal.ts'
import { serverPrincipal } from '../../server/auth/tokens.ts'
import type { Sql } from '../../server/db.ts'
import { createRegistry, type Registry } from '../../server/document/registry.ts'
import { createLocalHints } from '../../server/fanout/hints.ts'
import { type Absorber, type AbsorberDeps, createAbsorber } from '../../server/inbound/absorber.ts'
import { headOf, updatesOf } from '../../server/log/entry.ts'
import { classifyFailure } from '../../server/log/failures.ts'
import { applyStored } from '../../server/log/replay.ts'
import { createSqlLogStore } from '../../server/log/sql-log-store.ts'
import { createUpdateLog, type UpdateLog } from '../../server/log/update-log.ts'
import { createMetrics, type Metrics } from '../../server/observability/metrics.ts'
import { createProjector, type Projector, type ProjectorDeps } from '../../server/projection/projector.ts'
import { silent } from './database.ts'
import { comparableRows, type Rows, readRows } from './projected-rows.ts'

export interface ProjectionStage {
  readonly sql: Sql
  readonly log: UpdateLog
  readonly registry: Registry
  readonly plans: readonly Plan[]
  /** Not started. With metrics of its own, so that each may be asked for them. */
  projector(given?: Partial<ProjectorDeps>): Projector & { readonly metrics: Metrics }
  /** Not started. */
  absorber(given?: Partial<AbsorberDeps>): Absorber & { readonly metrics: Metrics }
  /** An edit through the room, committed. */
  edit(
    key: RecordKey,
    change: (editor: RecordEditor<RecordType>, document: Y.Doc) => void,
    sub?: string,
    role?: Role,
  ): Promise<void>
  /** What the rows of a record are, and what its document says they should be. */
  rows(key: RecordKey): Promise<Rows | undefined>
  wanted(key: RecordKey): Promise<Rows>
  /** The records of a tenant whose rows are not what their documents say. */
  wrong(tenant: string): Promise<readonly string[]>
  /** Sequences of the marks of a tenant's records. */
  marks(tenant: string): Promise<readonly number[]>
  /** Payloads of a tenant's events, oldest first. */
  events(tenant: string): Promise<readonly ReadEvent[]>
  close(): Promise<void>
}

export interface ReadEvent {
  readonly aggregatetype: string
  readonly aggregateid: string
  readonly type: string
  readonly payload: {
    readonly op: string
    readonly before: Readonly<Record<string, unknown>> | null
    readonly after: Readonly<Record<string, unknown>>
    readonly changed: readonly string[]
    readonly documentSequence: number
    readonly mappingVersion: number
    readonly authors: readonly { readonly sub: string; readonly role: string }[]
  }
}

export function createProjectionStage(sql: Sql): ProjectionStage {
  const clock = systemClock
  const log = createUpdateLog({
    store: createSqlLogStore(sql),
    classify: classifyFailure,
    clock,
    log: silent,
    metrics: createMetrics(),
  })
  const registry = createRegistry({
    log,
    hints: createLocalHints().join(),
    clock,
    logger: silent,
    metrics: createMetrics(),
    newEntryId: randomUUID,
    typeOf: requireType,
    maxRecordBytes: 16 * 1024 * 1024,
  })
  const plans = compileShipped()
  const projectors: Projector[] = []
  const absorbers: Absorber[] = []

  const planOf = (type: string): Plan => {
    const plan = plans.find((one) => one.type.name === type)
    if (plan === undefined) throw new Error('this type is not mapped')
    return plan
  }
  const typeOf = (name: string): RecordType => {
    const type = recordTypeOf(name)
    if (type === undefined) throw new Error('there is no such type')
    return type
  }
  const stage: ProjectionStage = {
    sql,
    log,
    registry,
    plans,
    projector(given = {}) {
      const metrics = createMetrics()
      const projector = createProjector({
        sql,
        log,
        plans,
        clock,
        logger: silent,
        metrics,
        recordsAtOnce: 16,
        vacuums: false,
        ...given,
      })
      projectors.push(projector)
      return { ...projector, metrics }
    },
    absorber(given = {}) {
      const metrics = createMetrics()
      const absorber = createAbsorber({
        ...{ sql, kind: 'embedded', registry, log, plans, clock, logger: silent, metrics },
        onReturned: () => undefined,
        ...given,
      })
      absorbers.push(absorber)
      return { ...absorber, metrics }
    },
    async edit(key, change, sub = 'ada', role = 'admin') {
      const room = await registry.acquire(key)
      const principal = { ...serverPrincipal(key.tenant), sub, roles: [role] }
      const type = typeOf(key.type)
      await room
        .edit(principal, (document) => change(editorOf<RecordType>(type, document), document))
        .finally(() => registry.release(room))
    },
    rows: (key) => readRows(sql, planOf(key.type), key),
    async wanted(key) {
      const stored = await log.load(key)
      if (stored === undefined) throw new Error('there is no such record')
      const document = new Y.Doc()
      applyStored(document, updatesOf(stored))
      const plan = planOf(key.type)
      return comparableRows(plan, forward(plan, { key, sequence: headOf(stored).sequence, document }))
    },
    async wrong(tenant) {
      const records = await sql<{ type: string; id: string }[]>`
        select type, id from rapport.records where tenant = ${tenant} and not erased order by type, id`
      const found: string[] = []
      for (const { type, id } of records) {
        const key = { tenant, type, id } as RecordKey
        const [rows, wanted] = [await stage.rows(key), await stage.wanted(key)]
        if (JSON.stringify(rows) !== JSON.stringify(wanted)) found.push(`${type}/${id}`)
      }
      return found
    },
    async marks(tenant) {
      const rows = await sql<{ sequence: number }[]>`
        select sequence from rapport.projection_marks where tenant = ${tenant} order by type, record_id, sequence`
      return rows.map((row) => row.sequence)
    },
    async events(tenant) {
      return await sql<ReadEvent[]>`
        select aggregatetype, aggregateid, type, payload from rapport.outbox where tenant = ${tenant}
        order by aggregatetype, aggregateid, (payload->>'documentSequence')::int, id`
    },
    async close() {
      for (const absorber of absorbers) await absorber.stop()
      for (const projector of projectors) await projector.stop()
      await registry.drain(1_000)
      await log.close(1_000)
    },
  }
  return stage
}
