/**
 * Answers on their way to clients. What they take of memory is bounded, of one principal and of all: who asks for more while
 * too much is unread is told to come back. An answer that its reader takes nothing of is cut off, and when there is no room
 * left, so is one that takes long; so nobody keeps others out by not reading.
 */
import type { HttpBindings } from '@hono/node-server'
import type { Clock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import { createMiddleware } from 'hono/factory'
import type { LimitHit } from '../observability/limits.ts'
import { type Authenticated, accountOf } from './record-target.ts'

export interface AnswerNeeds {
  readonly clock: Clock
  readonly limitHit: LimitHit
}

export interface AnswerLimits {
  /** Bytes under way beyond which no further answer is begun; each may be exceeded by one answer, however large. */
  readonly ofAll: number
  readonly ofOne: number
  /** Milliseconds in which a reader must take something, and in which it may take its time while others find no room. */
  readonly patience: number
}

const LIMITS: AnswerLimits = { ofAll: 128 * 1024 * 1024, ofOne: 32 * 1024 * 1024, patience: 10_000 }

interface Answer {
  readonly account: string
  readonly bytes: number
  /** In elapsed milliseconds. */
  readonly begunAt: number
  readonly socket: HttpBindings['incoming']['socket']
}

/** For routes behind authentication. */
export function boundAnswers({ clock, limitHit }: AnswerNeeds, limits = LIMITS) {
  /** Oldest first. */
  const answers = new Set<Answer>()
  /** Bytes by account. */
  const held = new Map<string, number>()
  let total = 0

  function hold(answer: Answer): void {
    answers.add(answer)
    total += answer.bytes
    held.set(answer.account, (held.get(answer.account) ?? 0) + answer.bytes)
  }

  function letGo(answer: Answer): void {
    if (!answers.delete(answer)) return
    total -= answer.bytes
    const left = (held.get(answer.account) ?? 0) - answer.bytes
    if (left > 0) held.set(answer.account, left)
    else held.delete(answer.account)
  }

  function hasRoom(account: string): boolean {
    return total < limits.ofAll && (held.get(account) ?? 0) < limits.ofOne
  }

  function requireRoom(account: string): void {
    if (!hasRoom(account)) makeRoom(account)
    if (hasRoom(account)) return
    limitHit('answers')
    throw new SyncError('overload', 'too much of what was answered is unread')
  }

  /** Whoever has used up its own share is in the way of nobody else. */
  function makeRoom(account: string): void {
    const late = clock.elapsed() - limits.patience
    const crowded = total >= limits.ofAll
    for (const answer of answers) {
      const inTheWay = answer.begunAt <= late && (crowded || answer.account === account)
      // Of an answer in line behind another one nobody says that its connection has ended.
      if (!inTheWay && !answer.socket.destroyed) continue
      answer.socket.destroy()
      letGo(answer)
    }
  }

  return createMiddleware<Authenticated>(async (context, next) => {
    const account = accountOf(context.get('principal'))
    // Before anything is done that would be in vain.
    requireRoom(account)
    await next()
    const { status, headers, body } = context.res
    // A stream of events has no end to wait for, and bounds itself.
    if (body === null || headers.get('Content-Type')?.startsWith('text/event-stream') === true) return
    // Many may have got so far at once, but they are rendered one after the other.
    const bytes = await context.res.arrayBuffer()
    context.res = undefined
    requireRoom(account)
    context.res = new Response(bytes, { status, headers })
    // Without a server around the app nothing is under way.
    const { incoming, outgoing } = (context.env as HttpBindings | undefined) ?? {}
    if (incoming === undefined || outgoing === undefined || outgoing.destroyed || incoming.socket.destroyed) return
    const answer = { account, bytes: bytes.byteLength, begunAt: clock.elapsed(), socket: incoming.socket }
    hold(answer)
    outgoing.once('close', () => letGo(answer))
    // Any progress restarts it, and the server sets its own once the answer is out.
    outgoing.setTimeout(limits.patience)
  })
}
