/**
 * What a JSON client does to a record, as edits for its room: made, patched, deleted, restored. Everything that depends on the
 * record is decided by the precondition, on the very state that the edit would be applied to; so a refused one leaves nothing
 * behind, and of two that build on the same state one comes too late.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import { readMeta, writeMeta } from '@rapport/shared/schema/layout.ts'
import { applyPatch, type MergePatch } from '@rapport/shared/schema/merge-patch.ts'
import { checkDraft, checkPatch } from '@rapport/shared/schema/merge-patch-check.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import * as Y from 'yjs'
import { shippedPolicy } from '../access/policy.ts'
import { mayWriteRecord } from '../access/record-access.ts'
import type { Ground, Precondition } from '../access/submission.ts'
import type { Principal } from '../auth/principal.ts'
import type { Room, Terms } from '../document/handle.ts'
import { forbiddenIn, permittedOf } from './patch-rights.ts'
import { absent, type Condition, deleted, forbidden, hidden, refusal, rightsIn, stale, unwritable } from './refusals.ts'

export interface RecordEdit {
  readonly precondition: Precondition
  readonly change: (document: Y.Doc) => void
  /** It takes content away, or writes in `meta` alone: a full record takes it, too. */
  readonly frees: boolean
  /** The conflict that it settles, in the same commit. */
  readonly settles?: Terms['settles']
}

/**
 * `bytes`: of the request. Resolves once it is committed, or had nothing to change. Rejects with a `SyncError`, and then nothing
 * of it was kept.
 */
export function makeEdit(room: Room, principal: Principal, edit: RecordEdit, bytes: number): Promise<void> {
  const { change, precondition, frees, settles } = edit
  return room.edit(principal, change, precondition, { bytes, frees, via: 'rest', settles })
}

/**
 * Throws `invalid` for content that no record of the type may begin with, and `forbidden` for what `by` may not write in a new
 * record, which is nobody's yet. A deleted record's id is taken, too.
 */
export function creation(by: Principal, type: RecordType, content: MergePatch, policy = shippedPolicy): RecordEdit {
  const nothing = new Y.Doc()
  if (!mayWriteRecord(by, type.name, nothing, policy)) throw forbidden()
  const may = rightsIn(by, type, nothing, policy)
  const error = refusal(checkDraft(type, content), forbiddenIn(type, nothing, content, may))
  if (error !== undefined) throw error
  return {
    precondition: ({ sequence }) => (sequence === 0 ? undefined : new SyncError('exists', 'a record with this id exists')),
    change(document) {
      // Written in any case: content may be empty, and a record exists only once something of it is stored.
      writeMeta(document, { deletedAt: null })
      applyPatch(type, document, permittedOf(content, may))
    },
    frees: false,
  }
}

export function patching(
  by: Principal,
  type: RecordType,
  patch: MergePatch,
  condition: Condition,
  policy = shippedPolicy,
): RecordEdit {
  const refused = ({ document }: Ground): SyncError | undefined =>
    refusal(checkPatch(type, document, patch), forbiddenIn(type, document, patch, rightsIn(by, type, document, policy)))
  return {
    precondition: (ground) =>
      absent(ground) ?? hidden(by, type, ground, policy) ?? deleted(ground) ?? stale(ground, condition) ?? refused(ground),
    // The rights are those of before: the patch may give the record to somebody else.
    change: (document) => applyPatch(type, document, permittedOf(patch, rightsIn(by, type, document, policy))),
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
export function deletion(by: Principal, type: RecordType, at: number, condition: Condition, policy = shippedPolicy): RecordEdit {
  return {
    precondition: (ground) =>
      absent(ground) ??
      unwritable(by, type, ground, policy) ??
      (deleted(ground) === undefined ? stale(ground, condition) : undefined),
    change(document) {
      if (readMeta(document).deletedAt === null) writeMeta(document, { deletedAt: at })
    },
    frees: true,
  }
}

/** Lifts a deletion, if there is one. What was written into the deleted record meanwhile shows again, too. */
export function restoration(by: Principal, type: RecordType, condition: Condition, policy = shippedPolicy): RecordEdit {
  return {
    precondition: (ground) => absent(ground) ?? unwritable(by, type, ground, policy) ?? stale(ground, condition),
    change(document) {
      if (readMeta(document).deletedAt !== null) writeMeta(document, { deletedAt: null })
    },
    frees: true,
  }
}
