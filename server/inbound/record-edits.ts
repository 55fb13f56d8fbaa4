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
import * as Y from 'yjs'
import { mayWriteField, type Policy, shippedPolicy } from '../access/policy.ts'
import { mayOpenRecord, mayWriteRecord, relationIn } from '../access/record-access.ts'
import type { Ground, Precondition } from '../access/submission.ts'
import type { Principal } from '../auth/principal.ts'
import type { Room } from '../document/handle.ts'
import { forbiddenIn, type MayWrite, permittedOf } from './patch-rights.ts'

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

/** What somebody may write in a record as it stands. */
function rightsIn(by: Principal, type: RecordType, document: Y.Doc, policy: Policy): MayWrite {
  const relation = relationIn(by, document)
  return (root, name) => mayWriteField(by, type.name, relation, root, name, policy)
}

function absent({ sequence }: Ground): SyncError | undefined {
  return sequence === 0 ? notFound() : undefined
}

/** What somebody may not open looks like what is not there. */
function hidden(by: Principal, type: RecordType, { document }: Ground, policy: Policy): SyncError | undefined {
  return mayOpenRecord(by, type.name, () => document, policy) ? undefined : notFound()
}

function unwritable(by: Principal, type: RecordType, ground: Ground, policy: Policy): SyncError | undefined {
  return hidden(by, type, ground, policy) ?? (mayWriteRecord(by, type.name, ground.document, policy) ? undefined : forbidden())
}

function deleted({ document }: Ground): SyncError | undefined {
  return readMeta(document).deletedAt === null ? undefined : new SyncError('gone', 'this record was deleted')
}

function stale({ sequence }: Ground, condition: Condition): SyncError | undefined {
  return condition(sequence) ? undefined : new SyncError('stale', 'the record is not in the state that was asked for')
}

/** Of content: what does not fit, and what its author may not write. Where a place is forbidden, its value is not judged. */
function refusal(unfit: readonly Issue[], denied: readonly Issue[]): SyncError | undefined {
  const isDenied = ({ path }: Issue): boolean => denied.some((issue) => issue.path.every((name, index) => name === path[index]))
  const others = unfit.filter((issue) => !isDenied(issue))
  if (others.length > 0) {
    return new SyncError('invalid', 'the content does not fit the record type', { issues: [...others, ...denied] })
  }
  return denied.length > 0 ? forbidden(denied) : undefined
}

function forbidden(issues: readonly Issue[] = []): SyncError {
  return new SyncError('forbidden', 'no right to write this', { issues })
}

function notFound(): SyncError {
  return new SyncError('not_found', 'no such record')
}
