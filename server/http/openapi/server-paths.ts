/** The paths that belong to no record type: changes, what was held back, and the server itself. */
import { header, jsonAnswer, jsonBody, type PathItem, path, query, ref, refusals, writeRefusals } from './parts.ts'
import { CURSOR, LIMIT } from './record-paths.ts'
import { object, pageOf } from './schemas.ts'

const ANYBODY = { security: [] }
const AFTER = query('after', 'The cursor of the last event that is known; 0 for all.', { type: 'string', default: '0' })

const changes: Readonly<Record<string, PathItem>> = {
  '/v1/changes': {
    get: {
      ...{ tags: ['changes'], operationId: 'listChanges', summary: 'What changed in the rows, oldest first' },
      parameters: [AFTER, query('limit', 'Events of a page.', { type: 'integer', minimum: 1, default: 100 })],
      responses: {
        200: jsonAnswer('A page, perhaps an empty one.', {
          ...object({
            items: { type: 'array', items: ref('ChangeEvent') },
            next: { type: 'string', description: 'What to ask for `after` the next time.' },
          }),
          additionalProperties: true,
        }),
        ...refusals('malformed'),
      },
    },
  },
  '/v1/changes/stream': {
    get: {
      ...{ tags: ['changes'], operationId: 'streamChanges', summary: 'The same as server-sent events' },
      description: 'Each event has the cursor as its `id`, `change` as its `event`, and the CloudEvent as its `data`.',
      parameters: [AFTER, header('Last-Event-ID', 'Where to go on; as `after`.')],
      responses: {
        200: {
          description: 'Events, as long as the connection lasts.',
          content: { 'text/event-stream': { schema: { type: 'string' } } },
        },
        ...refusals('malformed'),
      },
    },
  },
}

const heldBack = path('id', 'Of what is held back.', { type: 'string', format: 'uuid' })

const quarantine: Readonly<Record<string, PathItem>> = {
  '/v1/quarantine': {
    get: {
      ...{ tags: ['quarantine'], operationId: 'listQuarantine', summary: 'Updates that were not applied, newest first' },
      description: 'For the role `admin`.',
      parameters: [LIMIT, CURSOR],
      responses: { 200: jsonAnswer('A page.', pageOf(ref('HeldBack'))), ...refusals('malformed', 'forbidden') },
    },
  },
  '/v1/quarantine/{id}/admit': deciding('admitHeldBack', 'Judge it as its sender’s'),
  '/v1/quarantine/{id}/drop': deciding('dropHeldBack', 'Forget it'),
}

function deciding(operationId: string, summary: string): PathItem {
  return {
    parameters: [heldBack],
    post: {
      ...{ tags: ['quarantine'], operationId, summary, description: 'For the role `admin`.' },
      requestBody: jsonBody(object({}), false),
      responses: { 200: jsonAnswer('What became of it.', ref('HeldBack')), ...writeRefusals('gone', 'stale') },
    },
  }
}

const text = (description: string, type: string) => ({
  200: { description, content: { [type]: { schema: { type: 'string' } } } },
})
const page = (operationId: string, summary: string, type: string): PathItem => ({
  get: { ...{ tags: ['server'], operationId, summary, ...ANYBODY }, responses: text(summary, type) },
})

const server: Readonly<Record<string, PathItem>> = {
  '/healthz': {
    get: {
      ...{ tags: ['server'], operationId: 'health', summary: 'Whether the process lives', ...ANYBODY },
      responses: { 200: jsonAnswer('It lives.', object({ status: { const: 'ok' } })) },
    },
  },
  '/readyz': {
    get: {
      ...{ tags: ['server'], operationId: 'ready', summary: 'Whether it should get traffic', ...ANYBODY },
      responses: {
        200: jsonAnswer('It should.', object({ status: { const: 'ready' } })),
        503: jsonAnswer('It should not.', object({ status: { const: 'unavailable' }, reason: { type: 'string' } })),
      },
    },
  },
  '/metrics': page('metrics', 'Metrics for Prometheus', 'text/plain'),
  '/openapi.json': {
    get: {
      ...{ tags: ['server'], operationId: 'description', summary: 'This description', ...ANYBODY },
      responses: { 200: jsonAnswer('OpenAPI 3.1.', { type: 'object' }) },
    },
  },
  '/docs': page('docs', 'This description as a page to read', 'text/html'),
  '/docs/page.js': page('docsScript', 'What the page runs', 'text/javascript'),
  '/docs/page.css': page('docsStyle', 'How the page looks', 'text/css'),
}

export const SERVER_PATHS: Readonly<Record<string, PathItem>> = { ...changes, ...quarantine, ...server }
