/**
 * Texts and their parts on their way back. Part by part it is told what the writer changed: what he left alone stays as the document has
 * it now, though he wrote the whole. Where the document was changed as well, the parts that both left recognisable are put together.
 */
import type * as Y from 'yjs'
import { scalarOf } from '../schema/read-content.ts'
import { own } from '../schema/record-type.ts'
import { checkRegister } from '../schema/value-rules.ts'
import { partName } from './column-cells.ts'
import type { ColumnsPlace } from './columns-place.ts'
import { directionOf } from './flow.ts'
import { PARTS } from './functions.ts'
import type { MergeRule, SplitRule } from './mapping.ts'
import { type Parts, type PartsFunction, samePart, sameParts } from './parts.ts'
import type { Cell } from './plan.ts'
import { refusalOf, registerReason } from './refusal-reasons.ts'
import { edited, type Inverse, type RowEdit, type RowMerge, refused, UNTOUCHED } from './row-edit.ts'

/** Columns of one field: the field's text with the changed parts in the place of the old ones. */
export function splitInverse(merge: RowMerge, rule: SplitRule, place: ColumnsPlace): Inverse {
  const parts = own(PARTS, rule.by)
  const register = own(place.registers, rule.field)
  const direction = directionOf(rule, merge.plan.type)
  if (parts === undefined || register === undefined || direction === 'off') return UNTOUCHED
  const before = rule.columns.map((column) => partOf(merge.before[column]))
  const after = rule.columns.map((column) => partOf(merge.after[column]))
  const text = textAt(merge.document, rule.field, place)
  const shown = parts.split(text, before.length)
  const changed = [...before.keys()].filter((index) => !samePart(before[index], after[index]))
  if (changed.every((index) => samePart(after[index], shown[index]))) return UNTOUCHED
  const path = [...place.path, rule.field]
  const refuse = (...[code, reason]: RefusalTail): Inverse =>
    refused(...changed.map((index) => refusalOf(rule.columns[index] ?? '', path, code, reason)))
  if (direction === 'out') return refuse('outbound')

  const moved = !sameParts(shown, before)
  // A part that was changed at the end is looked for at the end: what precedes it is then what nobody wanted gone.
  const { parts: ours, sure } = moved
    ? parts.align(text, before, changed.includes(0) ? 'start' : 'end')
    : { parts: before, sure: true }
  const unseen = moved && !(sure && changed.every((index) => samePart(ours[index], before[index])))
  if (unseen && rule.authority === 'document') return refuse('overruled')
  const wanted = ours.map((part, index) => (changed.includes(index) ? (after[index] ?? null) : part))
  const value = parts.embed(wanted)
  if (value === undefined) return refuse('ambiguous', `holds what divides the parts of ${rule.field}`)
  const code = checkRegister(register, value)
  if (code !== undefined)
    return refuse(code, `makes ${rule.field} a text that ${registerReason(code, register, value === null, [])}`)
  return value === text ? UNTOUCHED : edited({ path, unseen, write: writing(rule.field, value, place) })
}

/** One column of several fields: those of which the column now says something else. */
export function mergedInverse(merge: RowMerge, rule: MergeRule, place: ColumnsPlace): Inverse {
  const parts = own(PARTS, rule.by)
  const direction = directionOf(rule, merge.plan.type)
  const [before, after] = [partOf(merge.before[rule.column]), partOf(merge.after[rule.column])]
  if (parts === undefined || direction === 'off' || samePart(before, after)) return UNTOUCHED
  const ours = rule.fields.map((field) => textAt(merge.document, field, place))
  if (samePart(after, parts.join(ours))) return UNTOUCHED
  if (direction === 'out') return refused(refusalOf(rule.column, undefined, 'outbound'))

  const known = knownParts(
    parts,
    before,
    ours,
    rule.fields.map((field) => own(place.bindings, partName(rule.column, field)) ?? null),
  )
  const { parts: theirs, sure } = parts.align(after, known)
  if (!sure && rule.ambiguous === 'refuse') return refused(refusalOf(rule.column, undefined, 'ambiguous'))
  const edits: RowEdit[] = []
  for (const [index, field] of rule.fields.entries()) {
    const [value = null, held, base] = [theirs[index], ours[index], known[index]]
    if (samePart(value, base) || samePart(value, held)) continue
    const path = [...place.path, field]
    const register = own(place.registers, field)
    const code = register && checkRegister(register, value)
    // One part without the others would be a text that nobody wrote.
    if (register && code) {
      return refused(
        refusalOf(rule.column, path, code, `gives ${field} a text that ${registerReason(code, register, value === null, [])}`),
      )
    }
    const unseen = !samePart(held, base)
    if (unseen && rule.authority === 'document') return refused(refusalOf(rule.column, path, 'overruled'))
    edits.push({ path, unseen, write: writing(field, value, place) })
  }
  return edited(...edits)
}

/** The parts that the column was joined from when the writer saw it: the document's, those last written, or as near to them as can be. */
function knownParts(by: PartsFunction, before: string | null, ours: Parts, written: Parts): Parts {
  for (const parts of [ours, written]) if (samePart(by.join(parts), before)) return parts
  return by.align(before, written.some((part) => part !== null) ? written : ours).parts
}

type RefusalTail = [code: Parameters<typeof refusalOf>[2], reason?: string]

function partOf(cell: Cell | undefined): string | null {
  return typeof cell === 'string' && cell !== '' ? cell : null
}

/** A value that fits no declaration shows as none. */
function textAt(document: Y.Doc, field: string, { registers, root, key }: ColumnsPlace): string | null {
  const value = scalarOf(document.getMap(root).get(key(field)))
  const register = own(registers, field)
  return typeof value === 'string' && register && checkRegister(register, value) === undefined ? value || null : null
}

function writing(field: string, value: string | null, { root, key }: ColumnsPlace): RowEdit['write'] {
  return (document) => {
    const map = document.getMap(root)
    if ((map.get(key(field)) ?? null) !== value) map.set(key(field), value)
  }
}
