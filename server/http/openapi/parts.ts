/** What descriptions of operations are made of: parameters, bodies, answers and refusals. Plain JSON throughout, as OpenAPI 3.1 has it. */
import type { JsonSchema } from '@rapport/shared/schema/json-schema.ts'
import { PROBLEM_JSON } from '../problem.ts'

export type Json = { readonly [name: string]: unknown }

/** By method. */
export type PathItem = Json

const JSON_TYPE = 'application/json'

export function ref(schema: string): JsonSchema {
  return { $ref: `#/components/schemas/${schema}` }
}

export function jsonAnswer(description: string, schema: JsonSchema, headers?: Json): Json {
  return { description, ...(headers && { headers }), content: { [JSON_TYPE]: { schema } } }
}

export function jsonBody(schema: JsonSchema, required = true): Json {
  return { required, content: { [JSON_TYPE]: { schema } } }
}

export function query(name: string, description: string, schema: JsonSchema, more: Json = {}): Json {
  return { name, in: 'query', description, schema, ...more }
}

export function header(name: string, description: string, schema: JsonSchema = { type: 'string' }): Json {
  return { name, in: 'header', description, schema }
}

export function path(name: string, description: string, schema: JsonSchema): Json {
  return { name, in: 'path', required: true, description, schema }
}

/** Every code of a refusal, once: its status and when it comes. */
const REFUSALS = {
  malformed: [400, 'A parameter, a header or the body cannot be read.'],
  unauthenticated: [401, 'No token, or one that does not verify or has expired.'],
  forbidden: [403, 'No right to do this, or not at the places that `errors` names; nothing was written.'],
  not_found: [404, 'Missing, of another tenant, or not to be seen by this role: one body for all.'],
  exists: [
    409,
    'The id is taken, perhaps by a deleted record; or a request with this `Idempotency-Key` is under way (`in_progress`).',
  ],
  gone: [410, 'Deleted, or erased.'],
  stale: [412, 'The record is not in the state that was asked for; nothing was written.'],
  too_large: [413, 'The body, or the record with it, is over its limit.'],
  invalid: [
    422,
    'The content does not fit the record type, or the `Idempotency-Key` belongs to another request; nothing was written.',
  ],
  rate_limited: [429, 'Too much at once of one user; come back after `Retry-After`.'],
  unavailable: [503, 'This cannot be done at the moment. Whether a write took effect is not known.'],
  not_yet: [504, 'The rows do not show the record yet.'],
} as const

type Refusal = keyof typeof REFUSALS

/** Those that every request with a token may meet, and these. */
export function refusals(...codes: readonly Refusal[]): Json {
  const all: readonly Refusal[] = ['unauthenticated', 'not_found', 'unavailable', ...codes]
  return Object.fromEntries(all.map((code) => [REFUSALS[code][0], { $ref: `#/components/responses/${code}` }]))
}

/** Those of a request that writes. */
export function writeRefusals(...codes: readonly Refusal[]): Json {
  return refusals('malformed', 'forbidden', 'exists', 'too_large', 'invalid', 'rate_limited', ...codes)
}

export function refusalResponses(): Json {
  const retry = { 'Retry-After': { description: 'Seconds.', schema: { type: 'string' } } }
  return Object.fromEntries(
    Object.entries(REFUSALS).map(([code, [, description]]) => [
      code,
      {
        description,
        ...(['exists', 'rate_limited', 'unavailable', 'not_yet'].includes(code) && { headers: retry }),
        content: { [PROBLEM_JSON]: { schema: ref('Problem') } },
      },
    ]),
  )
}
