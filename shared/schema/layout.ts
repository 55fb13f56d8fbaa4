/**
 * How a record lies in a Y.Doc: registers under the root map `fields`, every other root under its own name, collections as
 * flat `ENTRY/column` keys. Nothing nests outside rich text: of two nested types created concurrently under one key, Yjs
 * drops one with all that was typed into it.
 */
import type * as Y from 'yjs'
import { parseRecordId, type RecordId } from '../ids.ts'
import type { RecordType, Root } from './record-type.ts'
import { checkRegister } from './value-rules.ts'

export type YjsKind = 'map' | 'text' | 'xml'

const YJS_KINDS: Readonly<Record<Root['kind'], YjsKind>> = { text: 'text', richText: 'xml', set: 'map', collection: 'map' }

/** Every root of the type's documents and its Yjs kind, the system's `fields` and `meta` included. */
export function rootKinds(type: RecordType): ReadonlyMap<string, YjsKind> {
  const kinds = new Map<string, YjsKind>([['fields', 'map']])
  for (const [name, root] of Object.entries(type.roots)) kinds.set(name, YJS_KINDS[root.kind])
  return kinds.set('meta', 'map')
}

/**
 * Gives every root of the type its Yjs class, which a root that arrived in an update does not have yet. Writes nothing.
 * Throws if this process itself opened a root as another class before.
 */
export function materialise(type: RecordType, document: Y.Doc): void {
  for (const [name, kind] of rootKinds(type)) {
    if (kind === 'map') document.getMap(name)
    else if (kind === 'text') document.getText(name)
    else document.getXmlFragment(name)
  }
}

/** The key under which a collection's root map holds one column of one entry. */
export function entryKey(entry: string, column: string): string {
  return `${entry}/${column}`
}

/** The parts of such a key; `undefined` for a key that no writer of ours makes. */
export function parseEntryKey(key: string): { readonly entry: RecordId; readonly column: string } | undefined {
  const slash = key.indexOf('/')
  const entry = parseEntryId(key.slice(0, Math.max(slash, 0)))
  return entry === undefined ? undefined : { entry, column: key.slice(slash + 1) }
}

/** An entry's id: like a record's, but never a name that sets a prototype where objects are copied key by key. */
export function parseEntryId(text: string): RecordId | undefined {
  return text === '__proto__' ? undefined : parseRecordId(text)
}

/** What the server notes about a record. Wall times in milliseconds; null where the document says nothing (usable). */
export interface RecordMeta {
  readonly schemaVersion: number | null
  readonly createdAt: number | null
  readonly createdBy: string | null
  readonly deletedAt: number | null
}

/** Writes the given parts, in one transaction. For the server alone. In the document times are RFC 3339 strings. */
export function writeMeta(document: Y.Doc, meta: Partial<RecordMeta>): void {
  const root = document.getMap('meta')
  document.transact(() => {
    for (const name of ['schemaVersion', 'createdBy'] as const) {
      const value = meta[name]
      if (value !== undefined) root.set(name, value)
    }
    for (const name of ['createdAt', 'deletedAt'] as const) {
      const time = meta[name]
      if (time !== undefined) root.set(name, time === null ? null : new Date(time).toISOString())
    }
  })
}

/** Never throws, whatever the document holds. */
export function readMeta(document: Y.Doc): RecordMeta {
  const root = document.getMap('meta')
  const schemaVersion = root.get('schemaVersion')
  const createdBy = root.get('createdBy')
  return {
    schemaVersion: typeof schemaVersion === 'number' && Number.isFinite(schemaVersion) ? schemaVersion : null,
    createdAt: timeOf(root.get('createdAt')),
    createdBy: typeof createdBy === 'string' ? createdBy : null,
    deletedAt: timeOf(root.get('deletedAt')),
  }
}

const OFFSET = /[+-]([01][0-9]|2[0-3]):[0-5][0-9]$/

/** RFC 3339 alone: of other strings `Date.parse` makes what the process's time zone says, another time on every replica. */
function timeOf(value: unknown): number | null {
  const fits = typeof value === 'string' && checkRegister({ kind: 'datetime' }, value.replace(OFFSET, 'Z')) === undefined
  return fits ? Date.parse(value) : null
}
