/**
 * Putting back what a record held, as edits for its room: all of it or one place as of an earlier state, or the value that a
 * conflict replaced. Like every edit it is judged on the ground that it meets: whoever may not write what differs is refused,
 * and nothing of it is made.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import { checkKey } from '@rapport/shared/schema/key-rules.ts'
import { keyAt, type Place } from '@rapport/shared/schema/places.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import { type Difference, differencesFrom, overfilled } from '@rapport/shared/schema/restoration.ts'
import type * as Y from 'yjs'
import { shippedPolicy } from '../access/policy.ts'
import type { Ground } from '../access/submission.ts'
import type { Principal } from '../auth/principal.ts'
import type { Conflict } from '../log/findings.ts'
import type { MayWrite } from './patch-rights.ts'
import type { RecordEdit } from './record-edits.ts'
import { absent, type Condition, deleted, hidden, refusal, rightsIn, stale } from './refusals.ts'

/** As many as a patch is told. */
const MAX_ISSUES = 100

export interface Return {
  /** What the record held; `undefined` as soon as nobody waits for the edit any more, and it is not made from then on. */
  readonly past: () => Y.Doc | undefined
  /** The place that is to read so; an empty one is the whole content. */
  readonly place: Place
}

/** Makes a record, or one place in it, read as it did. Whether it is deleted does not change: a deletion is lifted by itself. */
export function returning(
  by: Principal,
  type: RecordType,
  { past, place }: Return,
  condition: Condition,
  policy = shippedPolicy,
): RecordEdit {
  const differences = (document: Y.Doc): readonly Difference[] => {
    const held = past()
    if (held === undefined) throw abandoned()
    return differencesFrom(type, document, held, place)
  }
  const refused = ({ document }: Ground): SyncError | undefined => {
    if (past() === undefined) return abandoned()
    return refusalOf(type, document, differences(document), rightsIn(by, type, document, policy))
  }
  return {
    precondition: (ground) =>
      absent(ground) ?? hidden(by, type, ground, policy) ?? deleted(ground) ?? stale(ground, condition) ?? refused(ground),
    change(document) {
      for (const { write } of differences(document)) write()
    },
    frees: false,
  }
}

/**
 * Puts back the value that a conflict replaced, and settles the conflict with it; refused as `stale` if the conflict is about
 * another value by then. It is written even where it shows: somebody chose it over what may come yet.
 */
export function puttingBack(
  by: Principal,
  type: RecordType,
  { id, path, replaced: { item, value } }: Pick<Conflict, 'id' | 'path' | 'replaced'>,
  policy = shippedPolicy,
): RecordEdit {
  const held = keyAt(type, path)
  if (held === undefined) throw new SyncError('invalid', 'this place holds no single value')
  const code = checkKey(type, held.root, held.key, value)
  return {
    precondition: (ground) =>
      absent(ground) ??
      hidden(by, type, ground, policy) ??
      deleted(ground) ??
      refusal(
        code === undefined ? [] : [{ path, code }],
        mayWriteAt(rightsIn(by, type, ground.document, policy), path) ? [] : [{ path, code: 'forbidden' }],
      ),
    change(document) {
      document.getMap(held.root).set(held.key, value)
    },
    frees: false,
    settles: { id, status: 'restored', replaced: item },
  }
}

export function mayWriteAt(may: MayWrite, [root = '', name = '']: Place): boolean {
  return may(root, root === 'fields' ? name : '')
}

function abandoned(): SyncError {
  return new SyncError('overload', 'nobody waits for this edit any more')
}

function refusalOf(type: RecordType, document: Y.Doc, found: readonly Difference[], may: MayWrite): SyncError | undefined {
  const unfit = found.flatMap(({ path, code }) => (code === undefined ? [] : [{ path, code }]))
  const full = overfilled(type, document, found).map((path) => ({ path, code: 'length' as const }))
  const denied = found.filter(({ path }) => !mayWriteAt(may, path)).map(({ path }) => ({ path, code: 'forbidden' as const }))
  return refusal([...unfit, ...full].slice(0, MAX_ISSUES), denied.slice(0, MAX_ISSUES))
}
