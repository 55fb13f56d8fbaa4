/**
 * Several connections on the one session that PGlite is. A connection keeps the session from its first message until the
 * session is idle again (a Sync or simple query answered, and no transaction open); the others wait. Were single messages
 * interleaved instead, one connection's Bind could run under another's Execute, and its failed statement would undo work
 * that the other has been told is done, without a word to it.
 */

/** What is needed of PGlite. */
export interface Backend {
  /** Runs whole protocol messages and hands out the answers. */
  run(messages: Uint8Array, answer: (bytes: Uint8Array) => void): Promise<void>
  /** Whether a transaction block is open, a failed one included. */
  inTransaction(): boolean
}

/** One connection's place at the turnstile. */
export interface Place {
  /** Whole messages, the last one of a kind that is answered (`isAnswered`). */
  submit(messages: Uint8Array, settlesSession: boolean, answer: (bytes: Uint8Array) => void): void
  /** The connection is gone: what it left open is rolled back, and the settings it made for the session go with it. */
  leave(): void
}

interface Turn {
  readonly place: Place
  readonly run: () => Promise<boolean>
}

const READY_BYTES = 6
const SYNC = new Uint8Array([0x53, 0, 0, 0, 4])
const ROLLBACK = simpleQuery('rollback')
const RESET = simpleQuery('reset session authorization; reset all')

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
    let end = Buffer.alloc(0)
    await backend.run(messages, (bytes) => {
      end = Buffer.concat([end, bytes.subarray(-READY_BYTES)]).subarray(-READY_BYTES)
      answer(bytes)
    })
    // PGlite swallows a breakdown (a stack overflow in WebAssembly, say) and then owes the answer, for ever.
    if (settles && !isReady(end)) throw new Error('the database session stopped answering')
    return settles
  }

  async function clearUp(place: Place): Promise<boolean> {
    const ignore = (): void => undefined
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

/** ReadyForQuery: the letter, the length and one byte of status. */
function isReady(end: Buffer): boolean {
  return end.length === READY_BYTES && end[0] === 0x5a && end.readInt32BE(1) === READY_BYTES - 1
}

function simpleQuery(text: string): Uint8Array {
  const message = Buffer.alloc(text.length + 6)
  message.write('Q', 0)
  message.writeInt32BE(text.length + 5, 1)
  message.write(text, 5)
  return message
}
