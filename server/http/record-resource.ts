/** A record as REST shows it: read from committed state, in one look at its room. */
import { SyncError } from '@rapport/shared/errors.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import { readMeta } from '@rapport/shared/schema/layout.ts'
import { type ReadContent, readContent } from '@rapport/shared/schema/read-content.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import type { RecordView, Room } from '../document/handle.ts'
import type { Registry } from '../document/registry.ts'

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

/** Rejects with `not_found` for a record that was never written, `gone` for an erased one, or as the registry does. */
export async function readResource(registry: Registry, type: RecordType, key: RecordKey): Promise<RecordResource> {
  const room = await registry.acquire(key)
  try {
    return await resourceOf(type, room)
  } finally {
    registry.release(room)
  }
}

/** As `readResource`, of a room that the caller holds. */
export function resourceOf(type: RecordType, room: Room): Promise<RecordResource> {
  return room.view((view) => toResource(type, view))
}

function toResource(type: RecordType, view: RecordView): RecordResource {
  if (view.sequence === 0) throw new SyncError('not_found', 'no such record')
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
