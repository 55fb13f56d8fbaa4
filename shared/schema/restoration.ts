/**
 * Makes a record, or one place in it, read as it did in an earlier state of its document: the list of what differs, each with the
 * way to write it. Nothing that reads alike is written; texts change by the words, and rich texts by the paragraphs, that differ;
 * entries that were deleted since come back, and those added since are marked deleted. `meta` is not content, and stays.
 */
import type * as Y from 'yjs'
import type { IssueCode } from '../errors.ts'
import { editorOf, type RecordEditor } from './edit.ts'
import { checkKey } from './key-rules.ts'
import { entryKey } from './layout.ts'
import type { Place } from './places.ts'
import { type ReadRegisters, readEntries, readFields, readMembers } from './read-content.ts'
import {
  type CollectionRoot,
  CUSTOM_FIELD,
  MAX_CUSTOM_FIELDS,
  own,
  type RecordType,
  type RichTextRoot,
  type TextRoot,
} from './record-type.ts'
import type { Scalar } from './register.ts'
import { readsAlike, rewriteRichText } from './rich-text-edit.ts'
import { checkText } from './value-rules.ts'
import { xmlOf } from './xml-text.ts'

/** One place that reads otherwise than it did. */
export interface Difference {
  readonly path: Place
  /** Why what it read then would not be valid now. */
  readonly code: IssueCode | undefined
  /** By how many members, entries or custom fields the record grows. */
  readonly growth: -1 | 0 | 1
  /** Into the document that was compared. */
  readonly write: () => void
}

interface Comparison {
  readonly type: RecordType
  readonly document: Y.Doc
  readonly past: Y.Doc
  readonly editor: RecordEditor<RecordType>
}

/** Of the whole content, or of the place alone. Neither document is changed, but for what `write` writes into the first. */
export function differencesFrom(type: RecordType, document: Y.Doc, past: Y.Doc, place: Place = []): Difference[] {
  const comparison = { type, document, past, editor: editorOf<RecordType>(type, document) }
  const [root] = place
  const names = root === undefined ? ['fields', ...Object.keys(type.roots)] : [root]
  return names.flatMap((name) => ofRoot(comparison, name, place))
}

/** Roots that would hold more than they may, once these differences were written. */
export function overfilled(type: RecordType, document: Y.Doc, differences: readonly Difference[]): Place[] {
  const growth = new Map<string, number>()
  for (const { path, growth: more } of differences) {
    const [root = ''] = path
    growth.set(root, (growth.get(root) ?? 0) + more)
  }
  return [...growth].flatMap(([root, more]) => {
    const { held, most } = fillOf(type, document, root)
    return more > 0 && held + more > most ? [[root]] : []
  })
}

function fillOf(type: RecordType, document: Y.Doc, name: string): { readonly held: number; readonly most: number } {
  const root = own(type.roots, name)
  if (root?.kind === 'set') return { held: Object.keys(readMembers(document.getMap(name))).length, most: root.maxMembers }
  if (root?.kind === 'collection') return { held: readEntries(root, document.getMap(name)).length, most: root.maxEntries }
  const custom = Object.keys(readFields(type, document)).filter((field) => CUSTOM_FIELD.test(field))
  return { held: custom.length, most: MAX_CUSTOM_FIELDS }
}

function ofRoot(comparison: Comparison, name: string, [, inner, column]: Place): Difference[] {
  const root = own(comparison.type.roots, name)
  switch (root?.kind) {
    case undefined:
      return inFields(comparison, inner)
    case 'text':
      return inText(comparison, name, root)
    case 'richText':
      return inRichText(comparison, name, root)
    case 'set':
      return inSet(comparison, name, inner)
    case 'collection':
      return inCollection(comparison, name, root, inner, column)
    default:
      return root satisfies never
  }
}

function inFields({ type, document, past, editor }: Comparison, only: string | undefined): Difference[] {
  const [before, after] = [readFields(type, document), readFields(type, past)]
  return namesIn(before, after, only).map((name) => {
    const value = own(after, name) ?? null
    return {
      path: ['fields', name],
      code: checkKey(type, 'fields', name, value),
      growth: CUSTOM_FIELD.test(name) ? growthOf(before, after, name) : 0,
      write() {
        if (own(type.fields, name) !== undefined) editor.set(name, value)
        else editor.setCustom(name as `x_${string}`, value)
      },
    }
  })
}

function inText({ document, past, editor }: Comparison, name: string, { maxLength }: TextRoot): Difference[] {
  const after = past.getText(name).toString()
  if (document.getText(name).toString() === after) return []
  return [{ path: [name], code: checkText(after, maxLength), growth: 0, write: () => editor.rewrite(name, after) }]
}

function inRichText({ document, past }: Comparison, name: string, { maxLength }: RichTextRoot): Difference[] {
  const [fragment, after] = [document.getXmlFragment(name), past.getXmlFragment(name)]
  if (readsAlike(fragment, after)) return []
  return [{ path: [name], code: checkText(xmlOf(after), maxLength), growth: 0, write: () => rewriteRichText(fragment, after) }]
}

function inSet({ type, document, past, editor }: Comparison, name: string, only: string | undefined): Difference[] {
  const [before, after] = [readMembers(document.getMap(name)), readMembers(past.getMap(name))]
  return namesIn(before, after, only).map((member) => {
    const wanted = own(after, member) === true
    return {
      path: [name, member],
      code: checkKey(type, name, member, wanted ? true : undefined),
      growth: growthOf(before, after, member),
      write: () => (wanted ? editor.add(name, member) : editor.remove(name, member)),
    }
  })
}

function inCollection(
  comparison: Comparison,
  name: string,
  root: CollectionRoot,
  only: string | undefined,
  column: string | undefined,
): Difference[] {
  const map = comparison.document.getMap(name)
  const known = Object.fromEntries(readEntries(root, map, true))
  const shown = Object.fromEntries(readEntries(root, map))
  const after = Object.fromEntries(readEntries(root, comparison.past.getMap(name)))
  const ids = only === undefined ? Object.keys({ ...shown, ...after }) : [only]
  return ids.flatMap((id) => {
    const [before, wanted] = [own(shown, id), own(after, id)]
    const whole = column === undefined
    const flags = whole || column === 'deleted'
    if (wanted === undefined && flags) return before === undefined ? [] : [leave(comparison, name, id)]
    const comesBack = flags && map.get(entryKey(id, 'deleted')) === true ? [comeBack(comparison, name, id)] : []
    if (column === 'deleted') return comesBack
    const columns = inEntry(comparison, name, id, own(known, id) ?? {}, wanted ?? {}, column)
    // Of an entry that no key was left of there is no mark to lift.
    const [first, ...others] = columns
    const isThere = comesBack.length > 0 || own(known, id) !== undefined
    if (isThere || first === undefined) return [...comesBack, ...columns]
    return [{ ...first, growth: 1 }, ...others]
  })
}

function leave({ editor }: Comparison, name: string, id: string): Difference {
  return { path: [name, id], code: undefined, growth: -1, write: () => editor.deleteEntry(name, id) }
}

function comeBack({ editor }: Comparison, name: string, id: string): Difference {
  return { path: [name, id], code: undefined, growth: 1, write: () => editor.restoreEntry(name, id) }
}

function inEntry(
  { type, document, editor }: Comparison,
  name: string,
  id: string,
  before: ReadRegisters,
  after: ReadRegisters,
  only: string | undefined,
): Difference[] {
  return namesIn(before, after, only).map((column) => {
    const value = own(after, column) ?? null
    const key = entryKey(id, column)
    return {
      path: [name, id, column],
      code: checkKey(type, name, key, value),
      growth: 0,
      write() {
        if (column === 'order') document.getMap(name).set(key, value)
        else editor.setColumn(name, id, column, value)
      },
    }
  })
}

/** Names under which the two differ; of one name alone, if it is given. */
function namesIn(
  before: Readonly<Record<string, Scalar>>,
  after: Readonly<Record<string, Scalar>>,
  only: string | undefined,
): string[] {
  const names = only === undefined ? Object.keys({ ...before, ...after }) : [only]
  return names.filter((name) => own(before, name) !== own(after, name))
}

function growthOf(before: ReadRegisters, after: ReadRegisters, name: string): -1 | 0 | 1 {
  if ((own(before, name) === undefined) === (own(after, name) === undefined)) return 0
  return own(after, name) === undefined ? -1 : 1
}
