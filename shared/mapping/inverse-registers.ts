/** Columns of one value on their way back: registers of the record or of an entry, and what only the server fills. */
import type * as Y from 'yjs'
import type { IssueCode } from '../errors.ts'
import { readMeta, writeMeta } from '../schema/layout.ts'
import { scalarOf } from '../schema/read-content.ts'
import type { Register, Scalar } from '../schema/register.ts'
import { checkRegister } from '../schema/value-rules.ts'
import { mergeCell } from './cell-merge.ts'
import { type Codec, instantCodec, outboundTextCodec, registerCodec } from './codecs.ts'
import { columnCodec, columnType } from './column-codec.ts'
import { valueOfMember } from './enum-values.ts'
import { directionOf } from './flow.ts'
import type { ColumnRule, MainRule, SystemSource } from './mapping.ts'
import type { Cell } from './plan.ts'
import { refusalOf, registerReason } from './refusal-reasons.ts'
import { type Inverse, type RowMerge, refused, UNTOUCHED } from './row-edit.ts'

type RegisterRule = Extract<ColumnRule, { readonly rule: 'field' | 'enum' | 'lookup' | 'default' | 'readonly' }>
type ConstRule = Extract<ColumnRule, { readonly rule: 'const' }>
type LifecycleRule = Extract<MainRule, { readonly rule: 'lifecycle' }>

/** Where a register lies: the key of a root map, and its place in content. */
export interface RegisterPlace {
  readonly register: Register
  readonly root: string
  readonly key: string
  readonly path: readonly string[]
}

export function registerInverse(merge: RowMerge, rule: RegisterRule, { register, root, key, path }: RegisterPlace): Inverse {
  const codec = columnCodec(rule, register, columnType(merge.table, rule.column))
  if (codec === undefined) return UNTOUCHED
  return mergeCell(merge, {
    column: rule.column,
    path,
    direction: directionOf(rule, merge.plan.type),
    // The CRM's own column says what it says.
    authority: rule.rule === 'readonly' ? 'target' : rule.authority,
    codec,
    ours: () => {
      const cell = registerCell(codec, register, merge.document.getMap(root).get(key))
      // An emptied column empties the field, and is as good as done where that is empty: the default shows again. A row that was not
      // there showed no default.
      const cells = [merge.before[rule.column], merge.after[rule.column]]
      const reads = rule.rule === 'default' && cells.every((one) => (one ?? null) !== null)
      return reads ? (cell ?? codec.encode(rule.value) ?? null) : cell
    },
    check: (value) => (value === undefined ? undecoded(register) : checkRegister(register, value)),
    reason: (code, value) => registerReason(code, register, value === null, membersOf(rule, register)),
    write: (document, value) => put(document.getMap(root), key, value),
  })
}

/** What a register shows in its column; a value that fits no declaration shows as NULL. */
function registerCell(codec: Codec<Scalar>, register: Register, held: unknown): Cell {
  const value = scalarOf(held)
  return value === undefined || checkRegister(register, value) !== undefined ? null : (codec.encode(value) ?? null)
}

/** Why no value stands for a cell. */
function undecoded({ kind }: Register): IssueCode {
  if (kind === 'enum') return 'enum'
  return kind === 'number' || kind === 'money' || kind === 'date' || kind === 'datetime' ? 'range' : 'kind'
}

function membersOf(rule: RegisterRule, register: Register): readonly string[] {
  if (register.kind !== 'enum') return []
  return rule.rule === 'enum' ? [...new Set(register.members.map((member) => valueOfMember(rule, member)))] : register.members
}

function put(map: Y.Map<unknown>, key: string, value: Scalar | null): void {
  if ((map.get(key) ?? null) !== value) map.set(key, value)
}

export function constInverse(merge: RowMerge, { column, value }: ConstRule): Inverse {
  const kind = typeof value === 'string' ? 'string' : typeof value === 'number' ? 'number' : 'boolean'
  const codec = registerCodec(kind, columnType(merge.table, column))
  return codec === undefined ? UNTOUCHED : outboundInverse(merge, column, undefined, codec, () => codec.encode(value) ?? null)
}

export function systemInverse(merge: RowMerge, source: SystemSource, column: string): Inverse {
  // Whoever writes whole rows writes back the one that he read; what it tells of his row is the caller's to use.
  if (source === 'sequence') return UNTOUCHED
  const { createdAt, createdBy } = readMeta(merge.document)
  const path = ['meta', source]
  if (source === 'createdBy') return outboundInverse(merge, column, path, outboundTextCodec, () => createdBy)
  return outboundInverse(merge, column, path, instantCodec, () =>
    createdAt === null ? null : (instantCodec.encode(createdAt) ?? null),
  )
}

/** A change of what never comes back is refused, unless it says what stands there anyway. */
export function outboundInverse<V>(
  merge: RowMerge,
  column: string,
  path: readonly string[] | undefined,
  codec: Codec<V>,
  ours: () => Cell,
): Inverse {
  // Of a row without a record, too: what the server fills is what it was before the statement.
  const [base, theirs] = [merge.change.before?.[column], merge.after[column]]
  if (base === theirs || codec.equals(base, theirs) || codec.equals(theirs, ours())) return UNTOUCHED
  return refused(refusalOf(column, path, 'outbound'))
}

/** A record that was deleted on both sides stays as it is: nobody meant another time. */
export function lifecycleInverse(merge: RowMerge, rule: LifecycleRule): Inverse {
  const { deletedAt } = readMeta(merge.document)
  const cell = deletedAt === null ? null : (instantCodec.encode(deletedAt) ?? null)
  const inverse = mergeCell(merge, {
    column: rule.column,
    path: ['meta', 'deletedAt'],
    direction: directionOf(rule, merge.plan.type),
    authority: rule.authority,
    codec: instantCodec,
    ours: () => cell,
    check: (value) => (value === undefined ? 'range' : undefined),
    reason: () => 'is not a time of the years 1 to 9999',
    write: (document, value) => writeMeta(document, { deletedAt: value }),
  })
  const deletes = (merge.after[rule.column] ?? null) !== null
  const wasDeleted = (merge.before[rule.column] ?? null) !== null
  if (deletes && !wasDeleted && cell !== null) return UNTOUCHED
  // Of two who delete or restore a record, each knew what the other did to it.
  return { ...inverse, edits: inverse.edits.map((edit) => ({ ...edit, unseen: false })) }
}
