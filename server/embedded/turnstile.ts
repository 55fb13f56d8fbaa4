/**
 * Several connections on the one session that PGlite is. A connection keeps the session from its first message until the
 * session is idle again (a Sync or simple query answered, and no transaction open); the others wait. Were single messages
 * interleaved instead, one connection's Bind could run under another's Execute, and its failed statement would undo work
 * that the other has been told is done, without a word to it.
 *
 * Data is not copied in: PGlite cannot wait for it, and ends if it is not there. Each such copy is failed where it begins.
 */
import { COPY_IN_RESPONSE, followAnswers, READY_FOR_QUERY } from './answers.ts'

/** What is needed of PGlite. */
export interface Backend {
  /** Runs whole protocol messages and hands out the answers. What `answer` returns is read behind the messages, without delay. */
  run(messages: Uint8Array, answer: (bytes: Uint8Array) => Uint8Array | undefined): Promise<void>
  /** Whether a transaction block is open, a failed one included. */
  inTransaction(): boolean
}

/** One connection's place at the turnstile. */
export interface Place {
  /** Whole messages, of which only the last may settle the session: a Sync or a simple query. Else it is a Flush. */
  submit(messages: Uint8Array, settlesSession: boolean, answer: (bytes: Uint8Array) => void): void
  /** The connection is gone: what it left open is rolled back, and the settings it made for the session go with it. */
  leave(): void
}

interface Turn {
  readonly place: Place
  readonly run: () => Promise<boolean>
}

const SYNC = message('S', '')
const COPY_FAIL = message('f', 'the embedded database takes no data that way\0')
const ROLLBACK = message('Q', 'rollback\0')
const RESET = message('Q', 'reset session authorization; reset all\0')

/** `failed` is called once if the backend itself breaks: it answers nothing from then on. */
export function createTurnstile(backend: Backend, failed: (error: unknown) => void): { enter(): Place } {
  const waiting: Turn[] = []
  let holder: Place | undefined
  let running = false

  async function turn(): Promise<void> {
    if (running) return
    running = true
    try {
      for (let next = take(); next !== undefined; next = take()) {
        const settled = await next.run()
        holder = settled && !backend.inTransaction() ? undefined : next.place
      }
      running = false
    } catch (error) {
      failed(error)
    }
  }

  function take(): Turn | undefined {
    const index = holder === undefined ? 0 : waiting.findIndex(({ place }) => place === holder)
    return index < 0 ? undefined : waiting.splice(index, 1)[0]
  }

  async function converse(messages: Uint8Array, settles: boolean, answer: (bytes: Uint8Array) => void): Promise<boolean> {
    const follow = followAnswers()
    let last = 0
    let refused = false
    const pass = (bytes: Uint8Array): Uint8Array | undefined => {
      answer(bytes)
      last = follow(bytes)
      if (last !== COPY_IN_RESPONSE) return undefined
      refused = true
      return COPY_FAIL
    }
    await backend.run(messages, pass)
    // A session that copies passes over the Sync behind the statement, and then waits for another.
    if (settles && refused && last !== READY_FOR_QUERY) await backend.run(SYNC, pass)
    // PGlite swallows a breakdown (a stack overflow in WebAssembly, say) and then owes the answer, for ever.
    if (settles && last !== READY_FOR_QUERY) throw new Error('the database session stopped answering')
    return settles
  }

  async function clearUp(place: Place): Promise<boolean> {
    const ignore = (): undefined => undefined
    if (holder === place) {
      await backend.run(SYNC, ignore)
      if (backend.inTransaction()) await backend.run(ROLLBACK, ignore)
    }
    await backend.run(RESET, ignore)
    return true
  }

  return {
    enter() {
      const place: Place = {
        submit(messages, settlesSession, answer) {
          waiting.push({ place, run: () => converse(messages, settlesSession, answer) })
          void turn()
        },
        leave() {
          // Queued behind what it sent before, which may be half a transaction.
          waiting.push({ place, run: () => clearUp(place) })
          void turn()
        },
      }
      return place
    },
  }
}

/** A message of the frontend: its type, its length without the type byte, its text. */
function message(type: string, text: string): Uint8Array {
  const bytes = Buffer.alloc(text.length + 5)
  bytes.write(type, 0)
  bytes.writeInt32BE(text.length + 4, 1)
  bytes.write(text, 5)
  return bytes
}
