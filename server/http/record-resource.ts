/** A record as REST shows it: read from committed state, in one look at its room. */
import { SyncError } from '@rapport/shared/errors.ts'
import { readMeta } from '@rapport/shared/schema/layout.ts'
import { type ReadContent, readContent } from '@rapport/shared/schema/read-content.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import type { Policy } from '../access/policy.ts'
import { mayOpenRecord } from '../access/record-access.ts'
import type { RecordView, Room } from '../document/handle.ts'
import type { Registry } from '../document/registry.ts'
import type { Target } from './record-target.ts'

export interface RecordResource {
  readonly type: string
  readonly id: string
  /** Of the log: dense per record. */
  readonly sequence: number
  /** RFC 3339, UTC. */
  readonly createdAt: string
  readonly createdBy: string
  readonly updatedAt: string
  readonly deletedAt: string | null
  readonly content: ReadContent
}

/**
 * Rejects with `not_found` for a record that was never written, or that the target's principal may not open, `gone` for an erased
 * one, or as the registry does.
 */
export async function readResource(registry: Registry, target: Target, policy?: Policy): Promise<RecordResource> {
  const room = await registry.acquire(target.key)
  try {
    return await visibleResourceOf(target, room, policy)
  } finally {
    registry.release(room)
  }
}

/** Rejects as `readResource` does. A deleted record is there. */
export async function requireVisible(registry: Registry, target: Target, policy?: Policy): Promise<void> {
  const room = await registry.acquire(target.key)
  try {
    await room.view(({ sequence, document }) => {
      if (sequence === 0 || !mayOpenRecord(target.principal, target.type.name, () => document, policy)) throw missing()
    })
  } finally {
    registry.release(room)
  }
}

/** As `readResource`, of a room that the caller holds. */
export async function visibleResourceOf(
  { principal, type }: Pick<Target, 'principal' | 'type'>,
  room: Room,
  policy?: Policy,
): Promise<RecordResource> {
  return room.view((view) => {
    if (!mayOpenRecord(principal, type.name, () => view.document, policy)) throw missing()
    return toResource(type, view)
  })
}

/** For whoever has just written it, and so was let in; it may be out of the writer's sight by now, given away by that very write. */
export function resourceOf(type: RecordType, room: Room): Promise<RecordResource> {
  return room.view((view) => toResource(type, view))
}

/** Of a room's state, or of an earlier one. */
export function toResource(type: RecordType, view: RecordView): RecordResource {
  if (view.sequence === 0) throw missing()
  const { deletedAt } = readMeta(view.document)
  return {
    type: view.key.type,
    id: view.key.id,
    sequence: view.sequence,
    createdAt: new Date(view.createdAt).toISOString(),
    createdBy: view.createdBy,
    updatedAt: new Date(view.updatedAt).toISOString(),
    deletedAt: deletedAt === null ? null : new Date(deletedAt).toISOString(),
    content: readContent(type, view.document),
  }
}

function missing(): SyncError {
  return new SyncError('not_found', 'no such record')
}
