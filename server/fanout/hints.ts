/**
 * News between instances: "this record has a new entry". Only a hint: it may be lost, doubled, late or out of order, and costs
 * latency then, never data, since every instance also asks the log. This one lives within a process.
 */
import type { RecordKey } from '@rapport/shared/ids.ts'

/** A place in a record's history, as the log has it. */
interface Place {
  readonly sequence: number
  readonly entry: string
}

export interface Hint {
  readonly key: RecordKey
  readonly previous: Place
  readonly position: Place
  readonly update: Uint8Array
  /** Wall time of the entry, milliseconds. */
  readonly at: number
}

export interface Hints {
  /** Tells the other instances. Never throws, never waits. */
  publish(hint: Hint): void
  /** Hears of other instances' entries, not of its own. Returns how to stop. */
  subscribe(hear: (hint: Hint) => void): () => void
}

/** Ends of one bus, one for each instance that lives in this process. */
export function createLocalHints(): { join(): Hints } {
  const ears = new Set<(hint: Hint) => void>()
  return {
    join() {
      let own: ((hint: Hint) => void) | undefined
      return {
        publish(hint) {
          for (const hear of ears) if (hear !== own) hear(hint)
        },
        subscribe(hear) {
          own = hear
          ears.add(hear)
          return () => ears.delete(hear)
        },
      }
    },
  }
}
