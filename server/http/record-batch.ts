/**
 * Many writes in one request. Each is made, or refused, by itself, as if it had come alone; those of one record in their order, those of
 * different records beside each other, so that they share commits.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import { parseRecordId, type RecordId } from '@rapport/shared/ids.ts'
import { own, type RecordType } from '@rapport/shared/schema/record-type.ts'
import type { Context, Hono } from 'hono'
import type { Policy } from '../access/policy.ts'
import { creation, patching } from '../inbound/record-edits.ts'
import type { Logger } from '../observability/logger.ts'
import { etagOf, readIfMatch } from './conditions.ts'
import { isObject, type JsonObject, unfit } from './json-body.ts'
import type { Attempt, KeyedWrites } from './keyed-writes.ts'
import { type ProblemBody, problemWithin } from './problem.ts'
import { createOnce } from './record-creation.ts'
import { resourceOf } from './record-resource.ts'
import { type Authenticated, readType, type Target } from './record-target.ts'
import { readDraft, readPatch } from './write-bodies.ts'
import type { Admitted, Body, WriteRequests } from './write-request.ts'

export const MAX_OPERATIONS = 200
/** Records written at once. */
const BESIDE_EACH_OTHER = 16
/** Milliseconds after which nothing more of a batch is begun. */
const PATIENCE_MS = 10_000

export interface BatchNeeds {
  readonly clock: Clock
  readonly log: Logger
  /** Without one, the policy that ships. */
  readonly policy?: Policy | undefined
  readonly requests: WriteRequests
  readonly keyed: KeyedWrites
}

/** What became of one operation. */
interface Item {
  readonly status: number
  /** Null where the operation names none that could be one. */
  readonly id: string | null
  readonly sequence?: number
  readonly etag?: string
  readonly problem?: ProblemBody
}

export function addRecordBatch(app: Hono<Authenticated>, { clock, log, policy, requests, keyed }: BatchNeeds): void {
  app.post('/:type/batch', (context) =>
    requests(context, (request) =>
      keyed(context, request, async (attempt) => {
        const type = readType(context, policy)
        if (context.req.header('If-Match') !== undefined) {
          throw new SyncError('malformed', 'in a batch each operation has its own ifMatch')
        }
        const operations = readOperations(request.json())
        request.amountsTo(operations.length)
        const until = clock.elapsed() + PATIENCE_MS
        const items: Item[] = []
        await inChains(operations.map(chainOf), async (index) => {
          const operation = operations[index]
          if (operation === undefined) return
          const id = idIn(operation, index, attempt)
          try {
            if (clock.elapsed() > until) throw new SyncError('overload', 'the batch takes too long')
            items[index] = await perform(context, request, attempt, { type, operation, id })
          } catch (thrown) {
            const problem = problemWithin(context, thrown, log)
            items[index] = { status: problem.status, id: id ?? null, problem }
          }
        })
        return { status: 200, parts: { items } }
      }),
    ),
  )

  interface Planned {
    readonly type: RecordType
    readonly operation: JsonObject
    readonly id: RecordId | undefined
  }

  async function perform(context: Context<Authenticated>, request: Admitted, attempt: Attempt, planned: Planned): Promise<Item> {
    const { type, operation } = planned
    const principal = context.get('principal')
    const { op, ...rest } = operation
    if (op === 'create') {
      const { content } = readDraft(rest)
      const target = targetOf(planned.id)
      const { sequence } = await createOnce(request, target, creation(principal, type, content, policy), attempt)
      return { status: 201, id: target.key.id, sequence, etag: etagOf(sequence) }
    }
    if (op !== 'patch') throw unfit(['op'], 'enum', 'an operation is create or patch')
    const unknown = Object.keys(rest).find((name) => name !== 'id' && name !== 'patch' && name !== 'ifMatch')
    if (unknown !== undefined) throw unfit([unknown], 'unknown_field', 'a patch has an id, a patch and ifMatch, and nothing else')
    const target = targetOf(planned.id)
    const patch = own(rest, 'patch')
    if (!isObject(patch)) throw unfit(['patch'], 'kind', 'patch must be an object')
    const edit = patching(principal, type, readPatch(target, patch), conditionIn(rest), policy)
    const { sequence } = await request.perform(target, edit, (room) => resourceOf(type, room))
    return { status: 200, id: target.key.id, sequence, etag: etagOf(sequence) }

    function targetOf(id: RecordId | undefined): Target {
      if (id === undefined) throw unfit(['id'], 'shape', 'an id is 1 to 128 letters, digits, dashes or underscores')
      return { principal, type, key: { tenant: principal.tenant, type: type.name, id } }
    }
  }
}

/** `{operations: [{…}]}`. Throws `malformed` for anything else. */
function readOperations(body: Body): readonly JsonObject[] {
  const operations = own(body ?? {}, 'operations')
  if (!Array.isArray(operations) || Object.keys(body ?? {}).length > 1 || !operations.every(isObject)) {
    throw new SyncError('malformed', 'a batch is {"operations": [{…}]}, and nothing else')
  }
  if (operations.length === 0 || operations.length > MAX_OPERATIONS) {
    throw new SyncError('malformed', `a batch has 1 to ${MAX_OPERATIONS} operations`)
  }
  return operations
}

/** Which record an operation is about; a new one without an id gets one. */
function idIn(operation: JsonObject, index: number, { mint }: Attempt): RecordId | undefined {
  const given = own(operation, 'id')
  if (given === undefined && operation.op === 'create') return mint(index)
  return typeof given === 'string' ? parseRecordId(given) : undefined
}

/** A tag as a record's answer has it, or a sequence. */
function conditionIn(operation: JsonObject): ReturnType<typeof readIfMatch> {
  const given = own(operation, 'ifMatch')
  if (given === undefined) return () => true
  if (typeof given === 'number') return (sequence) => sequence === given
  if (typeof given !== 'string') throw unfit(['ifMatch'], 'kind', 'ifMatch must be an entity tag or a sequence')
  return readIfMatch({ header: () => given })
}

/** Operations of the same record by the same name; undefined for one that is alone. */
function chainOf(operation: JsonObject): unknown {
  return own(operation, 'id')
}

/** Runs `work` once for every place: places of one chain one after the other, a few chains at once. */
async function inChains(chains: readonly unknown[], work: (index: number) => Promise<void>): Promise<void> {
  const byChain = Map.groupBy(chains.keys(), (index) => chains[index] ?? index)
  const left = byChain.values()
  const run = async (): Promise<void> => {
    for (const indexes of left) for (const index of indexes) await work(index)
  }
  await Promise.all(Array.from({ length: BESIDE_EACH_OTHER }, run))
}
