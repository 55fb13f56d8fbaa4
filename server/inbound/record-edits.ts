/**
 * What a JSON client does to a record, as edits for its room: made, patched, deleted, restored. Everything that depends on the
 * record is decided by the precondition, on the very state that the edit would be applied to; so a refused one leaves nothing
 * behind, and of two that build on the same state one comes too late.
 */
import { type Issue, SyncError } from '@rapport/shared/errors.ts'
import { readMeta, writeMeta } from '@rapport/shared/schema/layout.ts'
import { applyPatch, type MergePatch } from '@rapport/shared/schema/merge-patch.ts'
import { checkDraft, checkPatch } from '@rapport/shared/schema/merge-patch-check.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import type * as Y from 'yjs'
import type { Ground, Precondition } from '../access/judge.ts'
import type { Principal } from '../auth/principal.ts'
import type { Room } from '../document/handle.ts'

export interface RecordEdit {
  readonly precondition: Precondition
  readonly change: (document: Y.Doc) => void
  /** It takes content away, or writes in `meta` alone: a full record takes it, too. */
  readonly frees: boolean
}

/** Whether the caller's condition holds for a record that stands at this sequence, or (`undefined`) at one without a name. */
export type Condition = (sequence: number | undefined) => boolean

/**
 * `bytes`: of the request. Resolves once it is committed, or had nothing to change. Rejects with a `SyncError`, and then nothing
 * of it was kept.
 */
export function makeEdit(room: Room, principal: Principal, edit: RecordEdit, bytes: number): Promise<void> {
  const { change, precondition, frees } = edit
  return room.edit(principal, change, precondition, { bytes, frees, via: 'rest' })
}

/** Throws `invalid` for content that no record of the type may begin with. A deleted record's id is taken, too. */
export function creation(type: RecordType, content: MergePatch): RecordEdit {
  const error = invalid(checkDraft(type, content))
  if (error !== undefined) throw error
  return {
    precondition: ({ sequence }) => (sequence === 0 ? undefined : new SyncError('exists', 'a record with this id exists')),
    change(document) {
      // Written in any case: content may be empty, and a record exists only once something of it is stored.
      writeMeta(document, { deletedAt: null })
      applyPatch(type, document, content)
    },
    frees: false,
  }
}

export function patching(type: RecordType, patch: MergePatch, condition: Condition): RecordEdit {
  return {
    precondition: (ground) =>
      absent(ground) ?? deleted(ground) ?? stale(ground, condition) ?? invalid(checkPatch(type, ground.document, patch)),
    change: (document) => applyPatch(type, document, patch),
    frees: onlyClears(patch),
  }
}

/** Whether a patch names nothing but whole roots, and fields, members and entries, that are to be cleared. */
function onlyClears(patch: MergePatch): boolean {
  const isNull = (value: unknown): boolean => value === null
  return Object.values(patch).every(
    (root) => isNull(root) || (typeof root === 'object' && Object.values(root ?? {}).every(isNull)),
  )
}

/**
 * `at` in milliseconds. A record that is deleted already stays as it is, whatever the condition: whoever repeats a deletion,
 * because no answer came, finds it done.
 */
export function deletion(at: number, condition: Condition): RecordEdit {
  return {
    precondition: (ground) => absent(ground) ?? (deleted(ground) === undefined ? stale(ground, condition) : undefined),
    change(document) {
      if (readMeta(document).deletedAt === null) writeMeta(document, { deletedAt: at })
    },
    frees: true,
  }
}

/** Lifts a deletion, if there is one. What was written into the deleted record meanwhile shows again, too. */
export function restoration(condition: Condition): RecordEdit {
  return {
    precondition: (ground) => absent(ground) ?? stale(ground, condition),
    change(document) {
      if (readMeta(document).deletedAt !== null) writeMeta(document, { deletedAt: null })
    },
    frees: true,
  }
}

function absent({ sequence }: Ground): SyncError | undefined {
  return sequence === 0 ? new SyncError('not_found', 'no such record') : undefined
}

function deleted({ document }: Ground): SyncError | undefined {
  return readMeta(document).deletedAt === null ? undefined : new SyncError('gone', 'this record was deleted')
}

function stale({ sequence }: Ground, condition: Condition): SyncError | undefined {
  return condition(sequence) ? undefined : new SyncError('stale', 'the record is not in the state that was asked for')
}

function invalid(issues: readonly Issue[]): SyncError | undefined {
  return issues.length === 0 ? undefined : new SyncError('invalid', 'the content does not fit the record type', { issues })
}
