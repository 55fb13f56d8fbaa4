/**
 * A request that writes, from its arrival to its answer: who may write at all is let in within what may be under way, its body is
 * read, and it waits for its commit only so long.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import type { RecordKey } from '@rapport/shared/ids.ts'
import type { Context } from 'hono'
import type { Policy } from '../access/policy.ts'
import type { Limits } from '../config.ts'
import type { Room } from '../document/handle.ts'
import type { Registry } from '../document/registry.ts'
import { makeEdit, type RecordEdit } from '../inbound/record-edits.ts'
import type { LimitHit } from '../observability/limits.ts'
import { announcedLength, BodyStalled, BodyTooLarge, type JsonObject, parseJsonObject, readBody } from './json-body.ts'
import { within } from './patience.ts'
import { type Authenticated, requireWriter, type Target } from './record-target.ts'
import { createWriteQuota } from './write-quota.ts'

export interface WriteNeeds {
  readonly clock: Clock
  readonly registry: Registry
  readonly limitHit: LimitHit
  readonly limits: Pick<Limits, 'frameBytes' | 'updatesPerSecond' | 'bytesPerSecond'>
  /** Without one, the policy that ships. */
  readonly policy?: Policy | undefined
}

/** Milliseconds that a client waits for its commit. The edit itself waits on, and may still be committed. */
const COMMIT_PATIENCE = 10_000

export type Body = JsonObject | undefined

/** A request that was let in, with its body. */
export interface Admitted {
  readonly bytes: Uint8Array
  /** `undefined` if it is empty. Throws `malformed`. */
  json(): Body
  /** It turns out to be so many writes instead of one. */
  amountsTo(writes: number): void
  /** Makes the edit in the target's record, and resolves with what `look` finds once it is committed. */
  perform<T>(target: Target, edit: RecordEdit, look: (room: Room) => Promise<T>): Promise<T>
  /** The same for anything else that is done in a record's room; `work` resolves once it is committed. */
  inRoom<T>(key: RecordKey, work: (room: Room) => Promise<void>, look: (room: Room) => Promise<T>): Promise<T>
}

/** Runs `write` for a sender who may write at all, within what it may have under way. */
export type WriteRequests = (
  context: Context<Authenticated>,
  write: (request: Admitted) => Promise<Response>,
) => Promise<Response>

export function createWriteRequests({ clock, registry, limitHit, limits, policy }: WriteNeeds): WriteRequests {
  const quota = createWriteQuota({ clock, limits, limitHit })

  return async (context, write) => {
    const principal = context.get('principal')
    requireWriter(principal, policy)
    const pass = quota.enter(principal, announcedLength(context))
    const work: Promise<unknown>[] = []
    let bytes = 0

    async function inRoom<T>(key: RecordKey, act: (room: Room) => Promise<void>, look: (room: Room) => Promise<T>): Promise<T> {
      const room = await registry.acquire(key)
      try {
        const made = act(room)
        // Whoever gives up waiting does not give up its place: the edit is still in memory.
        work.push(made.catch(() => undefined))
        await within(clock, COMMIT_PATIENCE, made, () => new SyncError('overload', 'the commit takes too long'))
        return await look(room)
      } finally {
        registry.release(room)
      }
    }
    const perform = <T>({ key }: Target, edit: RecordEdit, look: (room: Room) => Promise<T>): Promise<T> =>
      inRoom(key, (room) => makeEdit(room, principal, edit, bytes), look)

    try {
      const body = await readBody(context, { clock, most: limits.frameBytes, arrived: pass.arrived })
      bytes = body.length
      const amountsTo = (writes: number): void => {
        pass.more(writes - 1)
        // Each holds its own part of the body.
        bytes = Math.ceil(body.length / writes)
      }
      return await write({ bytes: body, json: () => parseJsonObject(body), amountsTo, perform, inRoom })
    } catch (error) {
      if (error instanceof BodyTooLarge) {
        limitHit('frame')
        // It has crossed the wire, or will, before the client hears of it.
        pass.charge(limits.frameBytes)
      }
      // The rest of it would be waited for before the next request.
      if (error instanceof BodyStalled) context.header('Connection', 'close')
      throw error
    } finally {
      void Promise.all(work).then(pass.leave)
    }
  }
}
