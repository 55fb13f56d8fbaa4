/** The schemas that operations refer to: those of each record type, from its declaration, and those that all share. */
import { draftSchemaOf, type JsonSchema, patchSchemaOf, readSchemaOf } from '@rapport/shared/schema/json-schema.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import { MAX_OPERATIONS } from '../record-batch.ts'
import { ref } from './parts.ts'

export const ID: JsonSchema = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,128}$' }
const UUID: JsonSchema = { type: 'string', format: 'uuid' }
const TIME: JsonSchema = { type: 'string', format: 'date-time' }
const SEQUENCE: JsonSchema = { type: 'integer', minimum: 1, description: 'Of the record: 1, 2, 3 … without a gap.' }
const PATH: JsonSchema = {
  type: 'array',
  items: { type: 'string' },
  examples: [
    ['fields', 'title'],
    ['emails', 'e1', 'address'],
  ],
}
const VALUE: JsonSchema = { type: ['string', 'number', 'boolean', 'null'] }
const AUTHOR = object({ sub: { type: 'string' }, role: { type: 'string' } })

/** All members required, and no others, unless said otherwise. */
export function object(properties: Readonly<Record<string, JsonSchema>>, optional: readonly string[] = []): JsonSchema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', properties, required, additionalProperties: false }
}

export function pageOf(items: JsonSchema): JsonSchema {
  return object({
    items: { type: 'array', items },
    nextCursor: { type: ['string', 'null'], description: 'For the next page; null behind the last one.' },
  })
}

/** `contact` as `Contact`. */
export function nameOf({ name }: RecordType): string {
  return name.replace(/^./, (first) => first.toUpperCase())
}

export function typeSchemas(type: RecordType): Readonly<Record<string, JsonSchema>> {
  const name = nameOf(type)
  const record = {
    type: { const: type.name },
    id: ID,
    sequence: SEQUENCE,
    createdAt: TIME,
    createdBy: { type: 'string' },
    updatedAt: TIME,
    deletedAt: { anyOf: [TIME, { type: 'null' }] },
    content: ref(`${name}Content`),
  }
  const readOnly = Object.keys(record).filter((one) => one !== 'content')
  const sent = Object.fromEntries(readOnly.map((one) => [one, { description: 'As it was read; nothing of it is written.' }]))
  const create = object({ op: { const: 'create' }, id: ID, content: ref(`${name}Draft`) }, ['id'])
  const ifMatch = { type: ['string', 'integer'], description: 'An entity tag, or a sequence.' }
  const patch = object({ op: { const: 'patch' }, id: ID, patch: ref(`${name}Patch`), ifMatch }, ['ifMatch'])
  return {
    [name]: object(record),
    [`${name}Content`]: readSchemaOf(type),
    [`${name}Draft`]: draftSchemaOf(type),
    [`${name}Patch`]: patchSchemaOf(type),
    [`${name}Change`]: {
      description: 'A merge patch of the content, or the record as it was read and then changed.',
      anyOf: [ref(`${name}Patch`), object({ ...sent, content: ref(`${name}Patch`) }, readOnly)],
    },
    [`${name}Batch`]: object({
      operations: { type: 'array', minItems: 1, maxItems: MAX_OPERATIONS, items: { oneOf: [create, patch] } },
    }),
  }
}

const CODES = [
  ...['malformed', 'unauthenticated', 'forbidden', 'not_found', 'exists', 'in_progress', 'gone', 'stale', 'too_large'],
  ...['invalid', 'rate_limited', 'unavailable', 'not_yet', 'internal'],
]
const ISSUES = ['kind', 'enum', 'length', 'range', 'shape', 'reference', 'unknown_field', 'forbidden']
const ROW: JsonSchema = {
  anyOf: [{ type: 'object' }, { type: 'null' }],
  description: 'The mapped columns, and the child tables as lists.',
}

export const SHARED_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  Problem: object(
    {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      code: { enum: CODES },
      errors: { type: 'array', maxItems: 100, items: object({ path: PATH, code: { enum: ISSUES } }) },
    },
    ['errors'],
  ),
  HistoryItem: object({
    sequence: SEQUENCE,
    at: TIME,
    author: AUTHOR,
    device: { type: ['string', 'null'] },
    via: { enum: ['socket', 'rest', 'sql', 'import', 'server'] },
    path: PATH,
    before: VALUE,
    after: VALUE,
  }),
  Conflict: object({
    id: UUID,
    path: PATH,
    sequence: SEQUENCE,
    status: { enum: ['open', 'restored', 'dismissed'] },
    kept: object({ value: VALUE, author: AUTHOR, at: TIME }),
    replaced: object({ value: VALUE, author: AUTHOR, at: TIME }),
  }),
  BatchAnswer: object({
    items: {
      type: 'array',
      description: 'In the order of the operations.',
      items: object(
        {
          status: { type: 'integer' },
          id: { type: ['string', 'null'] },
          sequence: SEQUENCE,
          etag: { type: 'string' },
          problem: ref('Problem'),
        },
        ['sequence', 'etag', 'problem'],
      ),
    },
  }),
  HeldBack: object({
    id: UUID,
    type: { type: 'string' },
    recordId: ID,
    reason: { type: 'string' },
    author: AUTHOR,
    at: TIME,
    bytes: { type: 'integer' },
    state: { enum: ['quarantined', 'set-aside', 'admitted', 'dropped'] },
  }),
  ChangeEvent: {
    description: 'A CloudEvent of what changed in the rows of one record.',
    ...object({
      specversion: { const: '1.0' },
      id: { type: 'string' },
      source: { type: 'string', examples: ['/tenants/demo'] },
      type: { type: 'string', examples: ['rapport.contact.changed.v1'] },
      subject: { type: 'string', examples: ['contact/c1'] },
      time: TIME,
      data: {
        ...object({
          op: { enum: ['c', 'u', 'd', 'r'], description: 'Created, updated, deleted, or read anew by a rebuild.' },
          before: ROW,
          after: ROW,
          changed: { type: 'array', items: { type: 'string' } },
          documentSequence: { type: 'integer' },
          mappingVersion: { type: 'integer' },
          authors: { type: 'array', items: AUTHOR },
        }),
        additionalProperties: true,
      },
    }),
    additionalProperties: true,
  },
}
