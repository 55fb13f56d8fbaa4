/** A part of each record's content, as a list's parameter `fields` names it: fields by their names, and whole roots. */
import { SyncError } from '@rapport/shared/errors.ts'
import type { ReadContent } from '@rapport/shared/schema/read-content.ts'
import { CUSTOM_FIELD, own, type RecordType } from '@rapport/shared/schema/record-type.ts'
import type { Context } from 'hono'
import { readOnce } from './list-filters.ts'
import type { RecordResource } from './record-resource.ts'

const MAX_NAMES = 200

/** What is left of a record; always all that stands around its content. */
export type Thinning = (record: RecordResource) => RecordResource

/** `undefined` if all is wanted. Throws `malformed` for a name that records of the type do not have. */
export function readThinning(context: Context, type: RecordType): Thinning | undefined {
  const given = readOnce(context, 'fields')?.split(',')
  if (given === undefined) return undefined
  if (given.length > MAX_NAMES) throw new SyncError('malformed', `fields takes at most ${MAX_NAMES} names`)
  const roots = new Set<string>()
  const fields = new Set<string>()
  for (const name of given) {
    const isField = own(type.fields, name) !== undefined || CUSTOM_FIELD.test(name)
    const isRoot = name === 'fields' || own(type.roots, name) !== undefined
    if (isField) fields.add(name)
    if (isRoot) roots.add(name)
    if (!isField && !isRoot) {
      throw new SyncError('malformed', `fields: records of this type have no ${name.length > 64 ? 'such name' : `"${name}"`}`)
    }
  }
  return (record) => ({ ...record, content: thinned(record.content, roots, fields) })
}

function thinned(content: ReadContent, roots: ReadonlySet<string>, fields: ReadonlySet<string>): ReadContent {
  const kept = Object.entries(content).flatMap(([name, held]): [string, (typeof content)[string]][] => {
    if (roots.has(name)) return [[name, held]]
    if (name !== 'fields' || fields.size === 0) return []
    return [[name, Object.fromEntries(Object.entries(content.fields).filter(([field]) => fields.has(field)))]]
  })
  return Object.fromEntries(kept) as ReadContent
}
