/** Restoring over REST: a deletion is lifted, or the content, or one place in it, reads again as it did then. One edit either way. */
import { type Place, parsePlace } from '@rapport/shared/schema/places.ts'
import { own, type RecordType } from '@rapport/shared/schema/record-type.ts'
import type { Hono } from 'hono'
import type * as Y from 'yjs'
import type { Policy } from '../access/policy.ts'
import type { Registry } from '../document/registry.ts'
import { type RecordEdit, restoration } from '../inbound/record-edits.ts'
import { returning } from '../inbound/record-restoration.ts'
import { readWriteCondition } from './conditions.ts'
import { type JsonObject, unfit } from './json-body.ts'
import type { KeyedWrites, Outcome } from './keyed-writes.ts'
import { type Moment, parseMoment } from './moment.ts'
import type { PastStates } from './past-states.ts'
import { requireVisible, resourceOf } from './record-resource.ts'
import { type Authenticated, readTarget } from './record-target.ts'
import type { WriteRequests } from './write-request.ts'

export interface RestoreNeeds {
  readonly registry: Registry
  readonly policy?: Policy | undefined
  readonly pasts: PastStates
  readonly requests: WriteRequests
  readonly keyed: KeyedWrites
}

export function addRecordRestore(app: Hono<Authenticated>, { registry, policy, pasts, requests, keyed }: RestoreNeeds): void {
  app.post('/:type/:id/restore', (context) =>
    requests(context, (request) =>
      keyed(context, request, async () => {
        const target = readTarget(context, policy)
        const { principal, type, key } = target
        const condition = readWriteCondition(context.req)
        const wanted = readWanted(type, request.json() ?? {})
        const make = async (edit: RecordEdit): Promise<Outcome> => {
          return { status: 200, record: await request.perform(target, edit, (room) => resourceOf(type, room)) }
        }
        if (wanted === undefined) return await make(restoration(principal, type, condition, policy))
        // A replay is not made for somebody who may not know of the record.
        await requireVisible(registry, target, policy)
        return await pasts(key, wanted.moment, async ({ document }) => {
          let held: Y.Doc | undefined = document
          try {
            return await make(returning(principal, type, { past: () => held, place: wanted.place }, condition, policy))
          } finally {
            // An edit that its client has given up may wait for long, and would keep what it compares with in memory.
            held = undefined
          }
        })
      }),
    ),
  )
}

/** `{at, path?}`; `undefined` for an empty object. */
function readWanted(type: RecordType, body: JsonObject): { readonly moment: Moment; readonly place: Place } | undefined {
  const unknown = Object.keys(body).find((name) => name !== 'at' && name !== 'path')
  if (unknown !== undefined) throw unfit([unknown], 'unknown_field', 'a restore takes at and path, and nothing else')
  const [at, path] = [own(body, 'at'), own(body, 'path')]
  if (at === undefined && path === undefined) return undefined
  if (at === undefined) throw unfit(['at'], 'kind', 'of what is to be restored, at must say as of when')
  const moment = parseMoment(at)
  if (moment === undefined) throw unfit(['at'], 'shape', 'at must be a sequence or an RFC 3339 time')
  const place = path === undefined ? [] : parsePlace(type, path)
  if (place === undefined) throw unfit(['path'], 'unknown_field', 'path names no place in records of this type')
  return { moment, place }
}
