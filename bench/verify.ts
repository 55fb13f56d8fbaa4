/**
 * Checks every delivery, after the clock has stopped: counts per receiver, gaps, and the final content of every replica, built
 * from exactly the bytes that it received; where the server keeps documents, also what a fresh reader is given.
 */
import { connectSync } from '../test/support/sync-socket.ts'
import { contentAfter } from './editors.ts'
import type { RecordUnderLoad } from './load.ts'

export interface Verdict {
  readonly replicasCompared: number
  readonly faults: readonly string[]
}

/** `urlOf` gives the address for a fresh reader of a path; leave it out for a server that keeps nothing. */
export async function verify(records: readonly RecordUnderLoad[], urlOf?: (path: string) => string): Promise<Verdict> {
  const faults: string[] = []
  let replicasCompared = 0
  for (const { path, editors, tally } of records) {
    if (tally.delivered() !== tally.due()) faults.push(`${path}: ${tally.delivered()} deliveries, ${tally.due()} expected`)
    if (tally.gaps() > 0) faults.push(`${path}: ${tally.gaps()} frames arrived before what they build on`)

    const expected = contentAfter(editors.map((editor) => editor.state))
    const compare = (who: string, updates: readonly Uint8Array[]): void => {
      replicasCompared += 1
      if (contentAfter(updates) !== expected) faults.push(`${path}: ${who} does not hold what everybody wrote`)
    }
    for (const [receiver, editor] of editors.entries()) {
      compare(`receiver ${receiver}`, [editor.state, ...tally.framesOf(receiver)])
    }
    if (urlOf !== undefined) {
      const given: Uint8Array[] = []
      const reader = await connectSync(urlOf(path), { update: (update) => given.push(update), lost: () => undefined }, 'empty')
      reader.close()
      compare('a fresh reader', given)
    }
  }
  return { replicasCompared, faults }
}
