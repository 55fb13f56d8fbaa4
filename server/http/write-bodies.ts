/** What the bodies of writing requests say, around the content of records: that itself is judged by its type. */
import { SyncError } from '@rapport/shared/errors.ts'
import { parseRecordId, type RecordId } from '@rapport/shared/ids.ts'
import { own } from '@rapport/shared/schema/record-type.ts'
import { isObject, type JsonObject, unfit } from './json-body.ts'
import type { RecordResource } from './record-resource.ts'
import type { Target } from './record-target.ts'
import type { Body } from './write-request.ts'

/** `{id?, content}`; the content itself is judged by the record type. */
export function readDraft(body: Body): { readonly id: RecordId | undefined; readonly content: JsonObject } {
  if (body === undefined) throw new SyncError('malformed', 'a JSON object with the content of the record is needed')
  const unknown = Object.keys(body).find((name) => name !== 'id' && name !== 'content')
  if (unknown !== undefined) throw unfit([unknown], 'unknown_field', 'a new record has an id and content, and nothing else')
  const content = own(body, 'content')
  if (!isObject(content)) throw unfit(['content'], 'kind', 'content must be an object')
  const given = own(body, 'id')
  if (given === undefined) return { id: undefined, content }
  if (typeof given !== 'string') throw unfit(['id'], 'kind', 'an id must be a string')
  const id = parseRecordId(given)
  if (id === undefined) throw unfit(['id'], 'shape', 'an id is 1 to 128 letters, digits, dashes or underscores')
  return { id, content }
}

/** Beside `content`, what a record shows of itself and nobody writes. */
const READ_ONLY: ReadonlySet<string> = new Set<keyof RecordResource>([
  'type',
  'id',
  'sequence',
  'createdAt',
  'createdBy',
  'updatedAt',
  'deletedAt',
])

/** The patch of the content, or a record with that in it: what was read may be sent back, if it is this record. */
export function readPatch({ key }: Target, body: Body): JsonObject {
  if (body === undefined) throw new SyncError('malformed', 'a JSON object with the changes is needed')
  const content = own(body, 'content')
  if (content === undefined || !Object.keys(body).every((name) => name === 'content' || READ_ONLY.has(name))) return body
  for (const name of ['type', 'id'] as const) {
    const given = own(body, name)
    if (given !== undefined && given !== key[name]) throw unfit([name], 'reference', 'this is another record')
  }
  if (!isObject(content)) throw new SyncError('malformed', 'content must be an object')
  return content
}
