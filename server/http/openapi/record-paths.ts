/** The paths of one record type: its records, what was found in them, and what can be done to them. */
import type { JsonSchema } from '@rapport/shared/schema/json-schema.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import type { RowList } from '../../projection/row-lists.ts'
import { listParameters } from './list-parameters.ts'
import { header, jsonAnswer, jsonBody, type PathItem, path, query, ref, refusals, writeRefusals } from './parts.ts'
import { ID, nameOf, object, pageOf } from './schemas.ts'

const ETAG = { description: 'The sequence of the record, in double quotes.', schema: { type: 'string' } }
const REPLAYED = {
  description: '`true` if this is what an earlier request with the same `Idempotency-Key` was answered.',
  schema: { enum: ['true'] },
}
const MOMENT: JsonSchema = {
  anyOf: [
    { type: 'integer', minimum: 0 },
    { type: 'string', format: 'date-time' },
  ],
}

const ID_PARAMETER = path('id', 'Of the record.', ID)
const CONFLICT_PARAMETER = path('conflict', 'Of the conflict.', { type: 'string' })
export const LIMIT = query('limit', 'Items of a page.', { type: 'integer', minimum: 1, maximum: 200, default: 50 })
export const CURSOR = query('cursor', 'As `nextCursor` of the page before; with the same filters and the same order.', {
  type: 'string',
})
const KEY = header(
  'Idempotency-Key',
  'A name of your choice for this request, 1 to 255 characters: repeated within 24 hours it is not made again, but answered as it was.',
  { type: 'string', minLength: 1, maxLength: 257 },
)
const IF_MATCH = header('If-Match', 'Only if the record stands at one of these sequences, each in double quotes.')
const IF_NONE_MATCH = header('If-None-Match', 'Only if the record stands at none of these sequences.')

export function recordPaths(type: RecordType, rows: RowList | undefined): Readonly<Record<string, PathItem>> {
  const name = nameOf(type)
  const tags = [type.name]
  const base = `/v1/records/${type.name}`
  const record = (description: string) => jsonAnswer(description, ref(name), { ETag: ETAG, 'Idempotency-Replayed': REPLAYED })
  const place = { type: 'string', examples: ['fields/title', 'emails/e1'] }

  return {
    [base]: {
      get: {
        ...{ tags, operationId: `list${name}`, summary: `List records of the type ${type.name}` },
        description:
          'By id; or filtered, sorted and searched by what their rows say, which lag behind by a moment. Items are the records as they are, without those that you may not see.',
        parameters: [
          ...[LIMIT, CURSOR, query('deleted', 'Whether deleted records belong to it.', { type: 'boolean', default: false })],
          ...listParameters(type, rows),
        ],
        responses: {
          200: jsonAnswer('A page; it may be short, and is the last one if `nextCursor` is null.', pageOf(ref(name))),
          ...refusals('malformed', 'not_yet'),
        },
      },
      post: {
        ...{ tags, operationId: `create${name}`, summary: 'Make a record', parameters: [KEY] },
        requestBody: jsonBody(object({ id: ID, content: ref(`${name}Draft`) }, ['id'])),
        responses: {
          201: jsonAnswer('The record.', ref(name), {
            ...{ ETag: ETAG, 'Idempotency-Replayed': REPLAYED },
            Location: { description: 'Its path.', schema: { type: 'string' } },
          }),
          ...writeRefusals('gone'),
        },
      },
    },
    [`${base}/batch`]: {
      post: {
        ...{ tags, operationId: `batch${name}`, summary: 'Make and patch many records', parameters: [KEY] },
        description: 'Each operation is made, or refused, by itself; those of one record in their order.',
        requestBody: jsonBody(ref(`${name}Batch`)),
        responses: {
          200: jsonAnswer('What became of each operation.', ref('BatchAnswer'), { 'Idempotency-Replayed': REPLAYED }),
          ...writeRefusals(),
        },
      },
    },
    [`${base}/{id}`]: {
      parameters: [ID_PARAMETER],
      get: {
        ...{ tags, operationId: `read${name}`, summary: 'Read a record, as it is or as it was' },
        parameters: [
          query('at', 'As it was behind this entry, or at this time.', MOMENT),
          query('projected', 'Answer once its rows show it.', { type: 'boolean', default: false }),
          ...[IF_MATCH, IF_NONE_MATCH],
        ],
        responses: {
          200: jsonAnswer('The record.', ref(name), { ETag: ETAG }),
          304: { description: 'You hold it already.', headers: { ETag: ETAG } },
          ...refusals('malformed', 'gone', 'stale', 'not_yet'),
        },
      },
      patch: {
        ...{ tags, operationId: `patch${name}`, summary: 'Change a record', parameters: [KEY, IF_MATCH, IF_NONE_MATCH] },
        description:
          'A merge patch (RFC 7396): what it does not name stays, null clears. It is made as a whole or not at all. Written as `application/json` or `application/merge-patch+json`.',
        requestBody: {
          required: true,
          content: {
            'application/merge-patch+json': { schema: ref(`${name}Change`) },
            'application/json': { schema: ref(`${name}Change`) },
          },
        },
        responses: { 200: record('The record as it stands now.'), ...writeRefusals('gone', 'stale') },
      },
      delete: {
        ...{ tags, operationId: `delete${name}`, summary: 'Mark a record deleted' },
        parameters: [KEY, IF_MATCH, IF_NONE_MATCH],
        responses: {
          204: { description: 'It is deleted, now or before.', headers: { 'Idempotency-Replayed': REPLAYED } },
          ...writeRefusals('gone', 'stale'),
        },
      },
    },
    [`${base}/{id}/restore`]: {
      parameters: [ID_PARAMETER],
      post: {
        ...{ tags, operationId: `restore${name}`, summary: 'Lift a deletion, or put content back' },
        parameters: [KEY, IF_MATCH, IF_NONE_MATCH],
        description:
          'With an empty body the deletion is lifted. With `at`, the content, or the place that `path` names, reads as it did then.',
        requestBody: jsonBody(
          object({ at: MOMENT, path: { anyOf: [place, { type: 'array', items: { type: 'string' } }] } }, ['at', 'path']),
          false,
        ),
        responses: { 200: record('The record as it stands now.'), ...writeRefusals('gone', 'stale') },
      },
    },
    [`${base}/{id}/history`]: {
      parameters: [ID_PARAMETER],
      get: {
        ...{ tags, operationId: `history${name}`, summary: 'Who set what when, newest first' },
        parameters: [LIMIT, CURSOR, query('path', 'Only this place and what lies below it.', place)],
        responses: { 200: jsonAnswer('A page.', pageOf(ref('HistoryItem'))), ...refusals('malformed', 'gone') },
      },
    },
    [`${base}/{id}/conflicts`]: {
      parameters: [ID_PARAMETER],
      get: {
        ...{ tags, operationId: `conflicts${name}`, summary: 'Values that met without having seen each other, newest first' },
        parameters: [LIMIT, CURSOR, query('status', 'Only these.', { enum: ['open', 'restored', 'dismissed'] })],
        responses: { 200: jsonAnswer('A page.', pageOf(ref('Conflict'))), ...refusals('malformed', 'gone') },
      },
    },
    [`${base}/{id}/conflicts/{conflict}/restore`]: settling('restoreConflict', 'Put the value back that was replaced'),
    [`${base}/{id}/conflicts/{conflict}/dismiss`]: settling('dismissConflict', 'Leave the record as it is'),
  }

  function settling(operation: string, summary: string): PathItem {
    return {
      parameters: [ID_PARAMETER, CONFLICT_PARAMETER],
      post: {
        ...{ tags, operationId: `${operation}${name}`, summary },
        requestBody: jsonBody(object({}), false),
        responses: { 200: jsonAnswer('The conflict.', ref('Conflict')), ...writeRefusals('gone', 'stale') },
      },
    }
  }
}
