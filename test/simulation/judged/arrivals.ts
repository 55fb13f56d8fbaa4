/** Notes what became of messages when the instance that judged them had its entry in the log, or found nothing new in them. */
import * as Y from 'yjs'
import type { Judgement } from '../../../server/access/judge.ts'
import type { ItemId } from '../../../server/log/findings.ts'
import type { Waiting } from './instance.ts'
import type { Fate, Notebook } from './notebook.ts'
import type { Message } from './replica.ts'
import type { SharedLog } from './shared-log.ts'
import type { Tally } from './tally.ts'
import type { TextBook } from './text-book.ts'

type Decoded = ReturnType<typeof Y.decodeUpdate>

/** A message, or a piece of it. */
interface Part {
  readonly message: Message
  readonly update: Uint8Array
  readonly last: boolean
}

export function note(
  notebook: Notebook,
  texts: TextBook,
  log: SharedLog,
  batch: readonly Waiting[],
  { verdicts }: Judgement,
  tally: Tally,
): void {
  const sequence = log.entries.length
  for (const [index, waiting] of batch.entries()) {
    const verdict = verdicts[index]
    if (verdict?.type === 'admitted' && verdict.issues.length > 0) tally.compensations += 1
    const late = 'intent' in waiting && waiting.intent.settles !== undefined
    // The row was taken over, or settled, before the edit that puts its value back had its turn: whoever asks hears so, and looks again.
    if (late && verdict?.type === 'refused' && verdict.error.code === 'stale') continue
    // Whoever puts back a value that its author has replaced meanwhile is told so.
    if (verdict?.type === 'refused' && 'intent' in waiting && waiting.intent.settles !== undefined) continue
    if (verdict?.type !== 'admitted' && verdict?.type !== 'known' && verdict?.type !== 'gap')
      throw new Error(`an honest submission got the verdict ${verdict?.type}`)
    if ('intent' in waiting) {
      if (verdict.type !== 'admitted') continue
      waiting.note(notebook, log.settled, sequence)
      tally.serverEdits += 1
      if (waiting.intent.settles !== undefined) tally.putBack += 1
      continue
    }
    const part =
      'from' in waiting ? { message: waiting, update: waiting.update, last: true } : { ...waiting, update: waiting.update.bytes }
    if (verdict.type === 'gap') {
      tally.gaps += 1
      continue
    }
    if (!('from' in waiting)) tally.pieces += 1
    const { from, first, last } = part.message
    if (part.last) texts.arrived(from, first, last)
    arrive(part, sequence, tally)
  }
}

function arrive({ message, update, last }: Part, sequence: number, tally: Tally): void {
  const { writes } = message
  const news = writes.filter(({ fate }) => fate === 'away')
  if (news.length === 0) return
  const here = Y.decodeUpdate(update)
  const { ds: deletions } = last ? here : Y.decodeUpdate(message.update)
  for (const write of news) {
    const later = writes.slice(writes.indexOf(write) + 1).some(({ place }) => place === write.place)
    const { target, item } = write
    let fate: Fate | undefined
    if (item !== undefined) fate = fateOf(item, here.structs, deletions)
    else if (last || (target !== undefined && isDeleted(target, here.ds))) fate = later ? 'covered' : 'whole'
    // Of a message in pieces one may have met a gap, and not been kept.
    if (fate === undefined && last && !message.cut) throw new Error('a message does not hold what was sent with it')
    if (fate === undefined) continue
    write.fate = fate
    write.entry = sequence
    if (later) tally.chained += 1
  }
}

/** `undefined`: it comes with another piece. */
function fateOf(item: ItemId, structs: Decoded['structs'], deletions: Decoded['ds']): Fate | undefined {
  const { client, clock } = item
  const struct = structs.find(({ id, length }) => id.client === client && id.clock <= clock && clock < id.clock + length)
  if (struct === undefined) return undefined
  if (!(struct instanceof Y.Item) || struct.content instanceof Y.ContentDeleted) return 'hollow'
  return isDeleted(item, deletions) ? 'covered' : 'whole'
}

function isDeleted({ client, clock }: ItemId, { clients }: Decoded['ds']): boolean {
  return (clients.get(client) ?? []).some((range) => range.clock <= clock && clock < range.clock + range.len)
}
