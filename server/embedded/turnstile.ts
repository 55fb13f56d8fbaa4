/**
 * Several connections on the one session that PGlite is. A connection keeps the session from its first message until the
 * session is idle again (a Sync or simple query answered, and no transaction open); the others wait. Were single messages
 * interleaved instead, one connection's Bind could run under another's Execute, and its failed statement would undo work
 * that the other has been told is done, without a word to it.
 *
 * So whoever opens a transaction and falls asleep keeps everybody waiting, the server included. After `HOLD_MILLISECONDS`
 * without a whole request of its own it is rolled back and shown out. A statement that runs for long cannot be interrupted.
 *
 * Data is not copied in: PGlite cannot wait for it, and ends if it is not there. Each such copy is failed where it begins.
 */
import type { Clock, Timer } from '@rapport/shared/clock.ts'
import { followAnswers } from './answers.ts'
import { BACKEND, fatal, frontendMessage, SYNC } from './messages.ts'
import { type Backend, createSession, type Member } from './session.ts'

/** The server's own transactions take milliseconds, and what waits for the session waits in memory. */
export const HOLD_MILLISECONDS = 5_000

const COPY_FAIL = frontendMessage('f', 'the embedded database takes no data that way\0')
/** The SQLSTATE is Postgres's own for this. */
const HELD_TOO_LONG = fatal('25P03', 'terminating connection due to idle-in-transaction timeout')

/** What a connection came up against that is ended by us. */
export type Limit = 'connections' | 'held_session' | 'memory'

export interface Visitor extends Member {
  /** It has no place any more; the message, an ErrorResponse, says why. */
  showOut(message: Buffer, limit?: Limit): void
}

/** Whole messages, of which only the last may settle the session: a Sync or a simple query. Else it is a Flush. */
export interface Request {
  readonly messages: Uint8Array
  readonly settles: boolean
  /** The unnamed statement that they rely on, if they do not prepare it themselves. */
  readonly unnamed?: Buffer | undefined
}

/** One connection's place at the turnstile. */
export interface Place {
  /** Resolves once it is answered. */
  submit(request: Request, answer: (bytes: Uint8Array) => void): Promise<void>
  /** The connection is gone: what it left open is rolled back, once what it sent before is done. Resolves then. */
  leave(): Promise<void>
}

interface Seat {
  readonly visitor: Visitor
  gone: boolean
}

interface Turn {
  readonly seat: Seat
  /** Whether the session is settled. */
  readonly run: () => Promise<boolean>
  readonly done: () => void
}

/** `failed` is called once if the backend itself breaks: it answers nothing from then on. */
export function createTurnstile(
  backend: Backend,
  clock: Clock,
  failed: (error: unknown) => void,
): { enter(visitor: Visitor): Place } {
  const session = createSession(backend)
  const waiting: Turn[] = []
  let holder: Seat | undefined
  let running = false
  let patience: Timer | undefined

  async function turn(): Promise<void> {
    if (running) return
    running = true
    try {
      for (let next = take(); next !== undefined; next = take()) {
        patience?.cancel()
        patience = undefined
        const settled = await next.run()
        holder = settled && !backend.inTransaction() ? undefined : next.seat
        next.done()
      }
      running = false
      if (holder !== undefined && patience === undefined) wait(holder)
    } catch (error) {
      failed(error)
    }
  }

  function take(): Turn | undefined {
    const index = holder === undefined ? 0 : waiting.findIndex(({ seat }) => seat === holder)
    return index < 0 ? undefined : waiting.splice(index, 1)[0]
  }

  function wait(seat: Seat): void {
    const timer = clock.after(HOLD_MILLISECONDS, () => {
      // What it has sent may lie there, unread: this thread, too, may have got no time. It is read before that.
      clock.soon(() => {
        if (patience !== timer) return
        void enqueue(seat, () => showOut(seat, HELD_TOO_LONG, 'held_session'))
      })
    })
    patience = timer
  }

  function enqueue(seat: Seat, run: () => Promise<boolean>): Promise<void> {
    return new Promise((done) => {
      waiting.push({ seat, run, done })
      void turn()
    })
  }

  async function converse(seat: Seat, request: Request, answer: (bytes: Uint8Array) => void): Promise<boolean> {
    if (seat.gone) return true
    const refusal = await session.take(seat.visitor, request.unnamed)
    if (refusal !== undefined) return await showOut(seat, refusal)
    const follow = followAnswers()
    let last = 0
    let refused = false
    const pass = (bytes: Uint8Array): Uint8Array | undefined => {
      answer(bytes)
      last = follow.take(bytes)
      if (last !== BACKEND.copyInResponse) return undefined
      refused = true
      return COPY_FAIL
    }
    await backend.run(request.messages, pass)
    // A session that copies passes over the Sync behind the statement, and then waits for another.
    if (request.settles && refused && last !== BACKEND.readyForQuery) await backend.run(SYNC, pass)
    // PGlite swallows a breakdown (a stack overflow in WebAssembly, say) and then owes the answer, for ever.
    if (request.settles && last !== BACKEND.readyForQuery) throw new Error('the database session stopped answering')
    return request.settles
  }

  async function showOut(seat: Seat, message: Buffer, limit?: Limit): Promise<boolean> {
    const settled = await clearUp(seat)
    seat.visitor.showOut(message, limit)
    return settled
  }

  async function clearUp(seat: Seat): Promise<boolean> {
    if (seat.gone) return true
    seat.gone = true
    await session.leave(seat.visitor, holder === seat)
    return true
  }

  return {
    enter(visitor) {
      const seat: Seat = { visitor, gone: false }
      return {
        submit: (request, answer) => enqueue(seat, () => converse(seat, request, answer)),
        // Queued behind what it sent before, which may be half a transaction.
        leave: () => enqueue(seat, () => clearUp(seat)),
      }
    },
  }
}
