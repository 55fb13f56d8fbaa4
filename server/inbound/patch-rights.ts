/**
 * What of a merge patch (RFC 7396) its author may not write. Only what the patch would make read otherwise counts: a client may
 * send back all that it read, what it may not change included. Such parts are left out before the patch is applied, since naming a
 * member of a set writes it even where it is.
 */
import type { Issue } from '@rapport/shared/errors.ts'
import { isPlace } from '@rapport/shared/schema/key-rules.ts'
import type { MergePatch } from '@rapport/shared/schema/merge-patch.ts'
import { isObject } from '@rapport/shared/schema/merge-patch-check.ts'
import { readEntries, readMembers, scalarOf } from '@rapport/shared/schema/read-content.ts'
import { type CollectionRoot, own, type RecordType, type Root } from '@rapport/shared/schema/record-type.ts'
import type * as Y from 'yjs'

/** Whether the author may write a field (`fields` and its name), or all of another root (its name, and an empty one). */
export type MayWrite = (root: string, name: string) => boolean

/** As many as `checkPatch` finds at most. */
const MAX_ISSUES = 100

/**
 * Each place, at most 100, that the patch would change and its author may not; of roots beside `fields` the whole root. Takes
 * anything that JSON can say. What the type does not declare, and rich text, which no patch can change, are `checkPatch`'s.
 */
export function forbiddenIn(type: RecordType, document: Y.Doc, patch: MergePatch, may: MayWrite): Issue[] {
  const paths: string[][] = []
  const fields = document.getMap('fields')
  for (const [name, value] of Object.entries(fieldsOf(patch))) {
    if (paths.length === MAX_ISSUES) break
    if (!isPlace(type, 'fields', name) || may('fields', name)) continue
    if ((scalarOf(fields.get(name)) ?? null) !== value) paths.push(['fields', name])
  }
  for (const [name, root] of Object.entries(type.roots)) {
    const change = own(patch, name)
    if (change === undefined || may(name, '') || paths.length === MAX_ISSUES) continue
    if (changes(root, document, name, change)) paths.push([name])
  }
  return paths.map((path) => ({ path, code: 'forbidden' }))
}

/** The patch without what its author may not write. */
export function permittedOf(patch: MergePatch, may: MayWrite): MergePatch {
  const roots = Object.entries(patch).filter(([root]) => root === 'fields' || may(root, ''))
  const fields = Object.entries(fieldsOf(patch)).filter(([name]) => may('fields', name))
  return Object.fromEntries(roots.map(([root, change]) => [root, root === 'fields' ? Object.fromEntries(fields) : change]))
}

function fieldsOf(patch: MergePatch): Readonly<Record<string, unknown>> {
  const fields = own(patch, 'fields')
  return isObject(fields) ? fields : {}
}

function changes(root: Root, document: Y.Doc, name: string, change: unknown): boolean {
  switch (root.kind) {
    case 'richText':
      return false
    case 'text':
      return (change ?? '') !== document.getText(name).toString()
    case 'set': {
      const held = readMembers(document.getMap(name))
      if (!isObject(change)) return change !== null || Object.keys(held).length > 0
      return Object.entries(change).some(([member, wanted]) => (own(held, member) ?? null) !== wanted)
    }
    case 'collection':
      return changesEntries(root, document.getMap(name), change)
    default:
      return root satisfies never
  }
}

function changesEntries(root: CollectionRoot, map: Y.Map<unknown>, change: unknown): boolean {
  const held = new Map(readEntries(root, map))
  if (!isObject(change)) return change !== null || held.size > 0
  return Object.entries(change).some(([id, given]) => {
    const entry = held.get(id)
    if (entry === undefined || !isObject(given)) return given !== null || entry !== undefined
    return Object.entries(given).some(([column, value]) => (own(entry, column) ?? null) !== value)
  })
}
