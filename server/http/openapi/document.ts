/**
 * The HTTP interface as one OpenAPI 3.1 document, made from the record types that ship and from what their rows can be asked. A test holds
 * it against the routes that there are and against real answers.
 */
import { recordTypes } from '@rapport/shared/records/record-types.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import type { RowLists } from '../../projection/row-lists.ts'
import { type Json, refusalResponses } from './parts.ts'
import { recordPaths } from './record-paths.ts'
import { SHARED_SCHEMAS, typeSchemas } from './schemas.ts'
import { SERVER_PATHS } from './server-paths.ts'

const ABOUT = `Each customer record is one Yjs document that people edit together over \`/sync/TYPE/ID\`; over HTTP it is read and written as JSON.
A write is one edit of the document in the name of the token's \`sub\`: whoever has the record open sees it at once, and the answer is what was committed.`

export function openApiDocument(rows: RowLists): Json {
  const types: readonly RecordType[] = Object.values(recordTypes)
  return {
    openapi: '3.1.0',
    info: { title: 'Rapport', version: '1', description: ABOUT, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    tags: [
      ...types.map(({ name }) => ({ name, description: `Records of the type ${name}.` })),
      { name: 'changes', description: 'What changed, for whoever follows.' },
      { name: 'quarantine', description: 'What was not applied, for administrators.' },
      { name: 'server', description: 'For operators; no token needed.' },
    ],
    paths: Object.assign({}, ...types.map((type) => recordPaths(type, rows(type.name))), SERVER_PATHS) as Json,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: Object.assign({}, SHARED_SCHEMAS, ...types.map(typeSchemas)) as Json,
      responses: refusalResponses(),
    },
  }
}
