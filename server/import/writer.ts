/**
 * Creates records through their rooms, like any other edit by the server. A record is created once: one that exists, by whomever
 * and since whenever, is left exactly as it is (P9).
 */
import { SyncError, toSyncError } from '@rapport/shared/errors.ts'
import type { RecordId, Tenant } from '@rapport/shared/ids.ts'
import { writeContent } from '@rapport/shared/schema/edit.ts'
import { serverPrincipal } from '../auth/tokens.ts'
import type { Registry } from '../document/registry.ts'
import type { DraftContent } from './draft.ts'
import { type ImportedType, importedTypes } from './target.ts'

export type Creation = 'created' | 'existing' | 'erased'

/** What a record begins with; it fits the record type. */
export type FirstContent = Pick<DraftContent, 'fields'> & Partial<DraftContent>

export type CreateRecord = (type: ImportedType, id: RecordId, content: FirstContent) => Promise<Creation>

export function createWriter(registry: Pick<Registry, 'acquire' | 'release'>, tenant: Tenant): CreateRecord {
  const principal = serverPrincipal(tenant)
  return async (type, id, content) => {
    try {
      const room = await registry.acquire({ tenant, type, id })
      const isNew = ({ sequence }: { readonly sequence: number | undefined }): SyncError | undefined =>
        sequence === 0 ? undefined : new SyncError('exists', 'the record exists already')
      await room
        .edit(principal, (document) => writeContent(importedTypes[type], document, content as never), isNew)
        .finally(() => registry.release(room))
      return 'created'
    } catch (thrown) {
      const { code } = toSyncError(thrown)
      if (code === 'exists') return 'existing'
      if (code === 'gone') return 'erased'
      throw thrown
    }
  }
}
