/** What a test of writable tables needs beside the projection's stage: SQL in other people's names, and what became of it. */
import type { RecordKey, Tenant } from '@rapport/shared/ids.ts'
import { readMeta } from '@rapport/shared/schema/layout.ts'
import { readEntries, readMembers, scalarOf } from '@rapport/shared/schema/read-content.ts'
import type * as Y from 'yjs'
import type { Sql } from '../../server/db.ts'
import { createReviewStore } from '../../server/log/review-store.ts'
import type { ProjectionStage } from './projection-stage.ts'

export interface Change {
  readonly table: string
  readonly op: string
  readonly status: string
  readonly reason: string | null
  readonly author: string
}

/** A tenant's captured changes in their order. */
export async function changesOf(sql: Sql, tenant: Tenant): Promise<readonly Change[]> {
  return await sql<Change[]>`
    select table_name as table, op, status, reason, author from rapport.inbound_changes where tenant = ${tenant} order by id`
}

export async function statuses(sql: Sql, tenant: Tenant): Promise<readonly string[]> {
  return (await changesOf(sql, tenant)).map(({ status }) => status)
}

/** Content as it reads, of committed state. */
export interface Read {
  readonly sequence: number
  readonly fields: Readonly<Record<string, unknown>>
  readonly tags: readonly string[]
  readonly emails: Readonly<Record<string, unknown>>
  readonly summary: string
  readonly deletedAt: number | null
}

export async function read(stage: ProjectionStage, key: RecordKey): Promise<Read> {
  const room = await stage.registry.acquire(key)
  try {
    return await room.view(({ sequence, document }) => ({ sequence, ...contentOf(stage, key, document) }))
  } finally {
    stage.registry.release(room)
  }
}

function contentOf(stage: ProjectionStage, key: RecordKey, document: Y.Doc): Omit<Read, 'sequence'> {
  const type = stage.plans.find((plan) => plan.type.name === key.type)?.type
  const emails = type?.roots.emails
  const fields = [...document.getMap('fields')].flatMap(([name, value]) => {
    const scalar = scalarOf(value)
    return scalar === undefined ? [] : [[name, scalar]]
  })
  return {
    fields: Object.fromEntries(fields),
    tags: Object.keys(readMembers(document.getMap('tags'))).sort(),
    emails: emails?.kind === 'collection' ? Object.fromEntries(readEntries(emails, document.getMap('emails'))) : {},
    summary: document.getText('summary').toString(),
    deletedAt: readMeta(document).deletedAt,
  }
}

export interface Loser {
  readonly path: readonly string[]
  readonly kept: readonly [value: unknown, sub: string]
  readonly replaced: readonly [value: unknown, sub: string]
}

/** Open conflicts of a record. */
export async function conflictsOf(sql: Sql, key: RecordKey): Promise<readonly Loser[]> {
  const items = await createReviewStore(sql).conflicts(key, { limit: 100 })
  return items
    .filter(({ status }) => status === 'open')
    .map(({ path, kept, replaced }) => ({
      path,
      kept: [kept.value, kept.author.sub],
      replaced: [replaced.value, replaced.author.sub],
    }))
}

/** Who changed what, how, newest first. */
export async function historyOf(sql: Sql, key: RecordKey) {
  const items = await createReviewStore(sql).history(key, { limit: 1_000 })
  return items.map(({ path, before, after, author, via }) => ({ path: path.join('.'), before, after, ...author, via }))
}
