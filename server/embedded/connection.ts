/**
 * One connection to the embedded database: greets it, cuts its bytes into messages of the Postgres protocol (version 3) and hands
 * them on in groups that end with the first message the server answers, so that the session is never taken for half a request
 * and a group holds no more than one.
 *
 * PGlite never returns from a message that Postgres would end the connection for (an unknown type, an absurd length), so none
 * such gets there. A guest is bounded: it has to begin in time, is not read from while it has enough waiting, and holds no more
 * memory than its allowance.
 */
import type { Socket } from 'node:net'
import type { Clock } from '@rapport/shared/clock.ts'
import type { Allowance, Borrower } from './allowance.ts'
import { followAnswers } from './answers.ts'
import { FRONTEND, fatal, HEADER_BYTES, startup } from './messages.ts'
import { negotiation, OWN_APPLICATION_NAME, readStartup, settingsOf, whyRefused } from './startup.ts'
import { createStatements } from './statements.ts'
import type { Limit, Place, Visitor } from './turnstile.ts'

export interface Reception {
  readonly clock: Clock
  readonly allowance: Allowance
  enter(visitor: Visitor): Place
  /** Whether the server's own connections come in here; else whoever comes is a guest. */
  readonly own: boolean
  /** What gives the place in the room back, or nothing if the room is full. */
  admit(): (() => void) | undefined
  /** Begins the names of a guest's prepared statements; each time another. */
  newPrefix(): string
  reached(limit: Limit): void
}

/** How long a client may take to begin. */
const STARTUP_MILLISECONDS = 10_000
/** How long one that was told why it is ended may take to read that. */
const FAREWELL_MILLISECONDS = 2_000
/** With more than this waiting for the session, or to be read, a client is not read from. */
const CROWDED_BYTES = 1024 * 1024
/** Postgres's own limit for messages of a few fields. */
const MAX_SMALL_BYTES = 10_000

const SETTLING: readonly (number | undefined)[] = [FRONTEND.sync, FRONTEND.query, FRONTEND.functionCall]
const LARGE: readonly (number | undefined)[] = [
  FRONTEND.parse,
  FRONTEND.bind,
  FRONTEND.query,
  FRONTEND.functionCall,
  FRONTEND.copyData,
]
const KNOWN: readonly (number | undefined)[] = Object.values(FRONTEND)

const TOO_MUCH = 'the embedded database holds no more in memory for its guests: ask for less at a time, or use a cursor'

export function serveConnection(socket: Socket, reception: Reception): void {
  const { clock, allowance } = reception
  let pending: Buffer[] = []
  let size = 0
  let wanted = 0
  /** Bytes handed on and not answered yet. */
  let queued = 0
  let place: Place | undefined
  let release: (() => void) | undefined
  let statements = createStatements()
  let guest = false
  /** Nothing more is taken from it. */
  let over = false
  /** Nothing more is sent to it. */
  let ended = false
  const follow = followAnswers()
  let cut = false
  const borrower: Borrower = { held: () => size + queued + socket.writableLength, drop: () => socket.destroy() }
  const startupTimer = clock.after(STARTUP_MILLISECONDS, () => socket.destroy())

  socket.on('data', (bytes) => {
    if (over) return
    pending.push(bytes)
    size += bytes.length
    // Joined only when enough is there for the message at hand: a large one arrives in many pieces.
    if (size >= wanted) take(Buffer.concat(pending, size))
    if (guest && size > CROWDED_BYTES && allowance.exceededBy(borrower)) return refuse('54000', TOO_MUCH, 'memory')
    breathe()
  })
  socket.on('drain', breathe)
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    over = true
    startupTimer.cancel()
    allowance.leave(borrower)
    release?.()
    void place?.leave()
  })

  function take(bytes: Buffer): void {
    const rest = place === undefined ? begin(bytes) : messages(bytes, place)
    pending = over || rest.length === 0 ? [] : [rest]
    size = over ? 0 : rest.length
  }

  function begin(bytes: Buffer): Buffer {
    const first = readStartup(bytes)
    switch (first.type) {
      case 'incomplete':
        wanted = first.wanted
        return bytes
      case 'encryption':
        socket.write('N')
        return begin(bytes.subarray(first.length))
      case 'start': {
        const rest = bytes.subarray(first.length)
        const opened = open(first.minor, first.parameters)
        return opened === undefined ? rest : messages(rest, opened)
      }
      // There is no second process that could cancel anything.
      case 'cancel':
      case 'nonsense':
        over = true
        socket.destroy()
        return bytes
      default:
        return first satisfies never
    }
  }

  function open(minor: number, parameters: ReadonlyMap<string, string>): Place | undefined {
    const why = whyRefused(parameters)
    if (why !== undefined) return void refuse(...why)
    release = reception.admit()
    if (release === undefined) return void refuse('53300', 'sorry, too many clients already', 'connections')
    startupTimer.cancel()
    guest = !reception.own || parameters.get('application_name') !== OWN_APPLICATION_NAME
    if (guest) {
      statements = createStatements(reception.newPrefix())
      allowance.enter(borrower)
    }
    if (minor > 0) socket.write(negotiation(parameters))
    place = reception.enter({ guest, settings: guest ? settingsOf(parameters) : [], statements, showOut })
    void place.submit({ messages: startup(), settles: true }, answer)
    return place
  }

  function messages(bytes: Buffer, at: Place): Buffer {
    let end = 0
    let submitted = 0
    wanted = HEADER_BYTES
    while (bytes.length - end >= HEADER_BYTES) {
      const type = bytes[end]
      const length = bytes.readInt32BE(end + 1)
      if (!KNOWN.includes(type) || length < 4 || (length > MAX_SMALL_BYTES && !LARGE.includes(type))) {
        refuse('08P01', 'invalid frontend message')
        break
      }
      if (bytes.length - end < length + 1) {
        wanted = end - submitted + length + 1
        break
      }
      if (type === FRONTEND.terminate) {
        leave()
        break
      }
      end += length + 1
      const settles = SETTLING.includes(type)
      if (!settles && type !== FRONTEND.flush) continue
      hand(bytes.subarray(submitted, end), settles, at)
      submitted = end
    }
    wanted = Math.max(wanted, bytes.length - submitted + 1)
    return bytes.subarray(submitted)
  }

  function hand(group: Buffer, settles: boolean, at: Place): void {
    queued += group.length
    void at.submit({ ...statements.translate(group), settles }, answer).then(() => {
      queued -= group.length
      breathe()
    })
  }

  function answer(bytes: Uint8Array): void {
    if (ended || !socket.writable) return
    // Copied, because the backend reuses its memory for the next answer.
    if (!guest) return void socket.write(Buffer.from(bytes))
    follow.take(bytes)
    cut ||= borrower.held() > CROWDED_BYTES && allowance.exceededBy(borrower)
    // Only between two messages can it be said why nothing more comes.
    const kept = cut && follow.border() > 0 ? follow.border() : bytes.length
    socket.write(Buffer.from(bytes.subarray(0, kept)))
    if (!cut || follow.border() === 0) return
    end(fatal('54000', TOO_MUCH))
    reception.reached('memory')
    void place?.leave()
  }

  function breathe(): void {
    const crowded = !over && queued + socket.writableLength > CROWDED_BYTES
    if (crowded === socket.isPaused()) return
    if (crowded) socket.pause()
    else socket.resume()
  }

  function showOut(message: Buffer, limit?: Limit): void {
    if (limit !== undefined) reception.reached(limit)
    end(message)
  }

  function refuse(state: string, sentence: string, limit?: Limit): void {
    if (limit !== undefined) reception.reached(limit)
    leave(fatal(state, sentence))
  }

  /** Says good-bye behind the answers to what was sent before. */
  function leave(message?: Buffer): void {
    over = true
    pending = []
    size = 0
    void (place?.leave() ?? Promise.resolve()).then(() => end(message))
  }

  function end(message?: Buffer): void {
    if (ended) return
    over = true
    ended = true
    startupTimer.cancel()
    if (message === undefined) socket.end()
    else socket.end(message)
    clock.after(FAREWELL_MILLISECONDS, () => socket.destroy())
    // Its end is to be seen.
    socket.resume()
  }
}
