/**
 * Texts and custom fields on their way back. A text takes the writer's changes of it, in as few insertions and deletions as words allow,
 * so that what was typed meanwhile stays; the custom fields are merged name by name.
 */
import { plainTextOf } from '../schema/plain-text.ts'
import { scalarOf } from '../schema/read-content.ts'
import { CUSTOM_FIELD, MAX_CUSTOM_FIELDS, own } from '../schema/record-type.ts'
import type { Scalar } from '../schema/register.ts'
import { rewriteText } from '../schema/text-edit.ts'
import { mergeTexts } from '../schema/text-merge.ts'
import { checkCustom, checkText } from '../schema/value-rules.ts'
import { outboundTextCodec, textCodec } from './codecs.ts'
import { directionOf } from './flow.ts'
import { outboundInverse } from './inverse-registers.ts'
import type { MainRule } from './mapping.ts'
import { refusalOf } from './refusal-reasons.ts'
import { edited, type Inverse, type RowEdit, type RowMerge, type RowRefusal, refused, UNTOUCHED } from './row-edit.ts'

type TextRule = Extract<MainRule, { readonly rule: 'text' }>
type CustomRule = Extract<MainRule, { readonly rule: 'custom' }>

export function textInverse(merge: RowMerge, rule: TextRule): Inverse {
  const { column } = rule
  const path = [rule.root]
  const root = own(merge.plan.type.roots, rule.root)
  const direction = directionOf(rule, merge.plan.type)
  const [base, theirs] = [merge.before[column], merge.after[column]]
  if (direction === 'off' || textCodec.equals(base, theirs)) return UNTOUCHED
  if (root?.kind === 'richText') {
    const shown = () => outboundTextCodec.encode(plainTextOf(merge.document.getXmlFragment(rule.root))) ?? null
    return outboundInverse(merge, column, path, outboundTextCodec, shown)
  }
  if (root?.kind !== 'text') return UNTOUCHED
  const ours = textCodec.encode(merge.document.getText(rule.root).toString()) ?? null
  if (textCodec.equals(theirs, ours)) return UNTOUCHED
  if (direction === 'out') return refused(refusalOf(column, path, 'outbound'))
  const wanted = theirs ?? ''
  if (typeof wanted !== 'string') return refused(refusalOf(column, path, 'kind'))
  const movedOn = !textCodec.equals(base, ours)
  if (movedOn && rule.authority === 'document') return refused(refusalOf(column, path, 'overruled'))
  const merges = movedOn && rule.authority !== 'target'
  const after = merges ? mergeTexts(String(base ?? ''), String(ours ?? ''), wanted) : wanted
  if (textCodec.equals(after, ours)) return UNTOUCHED
  const code = checkText(after, root.maxLength)
  if (code !== undefined) return refused(refusalOf(column, path, code, `is longer than ${root.maxLength} characters`))
  // Texts that were merged have lost nothing.
  return edited({ path, unseen: movedOn && !merges, write: (document) => rewriteText(document.getText(rule.root), after) })
}

export function customInverse(merge: RowMerge, rule: CustomRule): Inverse {
  const { column } = rule
  const direction = directionOf(rule, merge.plan.type)
  const base: ReadonlyMap<string, unknown> = namesOf(merge.before[column]) ?? new Map()
  const theirs = namesOf(merge.after[column])
  if (direction === 'off') return UNTOUCHED
  if (theirs === undefined) return refused(refusalOf(column, undefined, 'kind', 'is not an object'))
  // What leaves comes first, and makes room.
  const names = [...[...base.keys()].filter((name) => !theirs.has(name)), ...theirs.keys()]
  const fields = merge.document.getMap('fields')
  const edits: RowEdit[] = []
  const refusals: RowRefusal[] = []
  let room =
    MAX_CUSTOM_FIELDS - [...fields].filter(([name, held]) => CUSTOM_FIELD.test(name) && scalarOf(held) !== undefined).length
  for (const name of names) {
    const value = theirs.get(name) ?? null
    if (isAlike(base.get(name) ?? null, value)) continue
    if (!CUSTOM_FIELD.test(name) || own(merge.plan.type.fields, name) !== undefined) {
      // One that leaves was nobody's field; and of one that comes, the name is as much the writer's as the value.
      const reason = 'has a name that is not x_ and up to 60 small letters, digits and _'
      if (value !== null) refusals.push(refusalOf(column, undefined, 'unknown_field', reason))
      continue
    }
    const path = ['fields', name]
    const ours = scalarOf(fields.get(name)) ?? null
    if (ours === value) continue
    const unseen = !isAlike(base.get(name) ?? null, ours)
    const grows = ours === null && value !== null
    const code = checkCustom(value) ?? (grows && room <= 0 ? 'length' : undefined)
    if (direction === 'out') refusals.push(refusalOf(column, path, 'outbound'))
    else if (code !== undefined)
      refusals.push(refusalOf(column, path, code, customReason(code === 'kind', name, grows && room <= 0)))
    else if (unseen && rule.authority === 'document') refusals.push(refusalOf(column, path, 'overruled'))
    else {
      room += grows ? -1 : value === null ? 1 : 0
      edits.push({ path, unseen, write: (document) => document.getMap('fields').set(name, value as Scalar | null) })
    }
  }
  return { edits, refusals }
}

function customReason(isOtherKind: boolean, name: string, isFull: boolean): string {
  if (isFull) return `would have more than ${MAX_CUSTOM_FIELDS} names`
  return isOtherKind ? `has no text, number or boolean at ${name}` : `has too long a text at ${name}`
}

/** Whatever JSON the column holds; NULL is an object with nothing in it, and anything else is none. */
function namesOf(cell: unknown): ReadonlyMap<string, unknown> | undefined {
  if (cell === null || cell === undefined) return new Map()
  return typeof cell === 'object' && !Array.isArray(cell) ? new Map(Object.entries(cell)) : undefined
}

/** Objects and lists, which no field holds, are alike if they are spelt alike. */
function isAlike(one: unknown, other: unknown): boolean {
  return one === other || (typeof one === 'object' && typeof other === 'object' && JSON.stringify(one) === JSON.stringify(other))
}
