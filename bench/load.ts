/**
 * Drives one scenario's load over sockets that are already open. It decides when the next edit leaves; what an edit is
 * (`editors.ts`) and what counts as delivered (`tally.ts`) are not its concern.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { SyncSocket } from '../test/support/sync-socket.ts'
import type { Editor } from './editors.ts'
import type { Scenario } from './scenarios.ts'
import type { Tally } from './tally.ts'

/** One record under load: editor n writes through client n. */
export interface RecordUnderLoad {
  readonly path: string
  readonly editors: readonly Editor[]
  readonly clients: readonly SyncSocket[]
  readonly tally: Tally
}

/** How long deliveries may trail behind the last edit before the run counts as broken, in milliseconds. */
const SETTLE_LIMIT = 30_000

/** Sends every editor's edits from number `from` up to `to` and resolves once all of them are delivered, or the limit is reached. */
export async function runLoad(scenario: Scenario, records: readonly RecordUnderLoad[], from: number, to: number): Promise<void> {
  const { load } = scenario
  if (load.type === 'paced') await sendPaced(records, from, to, load.updatesPerSecond)
  else await sendByWindow(records, from, to, load.outstanding)
  const deadline = performance.now() + SETTLE_LIMIT
  while (records.some(({ tally }) => tally.delivered() < tally.due()) && performance.now() < deadline) await sleep(2)
}

function sendEdit({ editors, clients, tally }: RecordUnderLoad, editor: number, edit: number): void {
  const frame = editors[editor]?.frames[edit]
  if (frame === undefined) throw new RangeError(`editor ${editor} has no edit ${edit}`)
  tally.sent(editor)
  clients[editor]?.send(frame)
}

/** Round-robin over records first, so that two edits of one record are as far apart as they can be. */
async function sendPaced(records: readonly RecordUnderLoad[], from: number, to: number, perSecond: number): Promise<void> {
  const perRound = records.length
  const editorCount = records[0]?.editors.length ?? 0
  const total = perRound * editorCount * (to - from)
  const start = performance.now()
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - start) * perSecond) / 1_000))
    for (; sent < due; sent += 1) {
      const record = records[sent % perRound]
      const round = Math.floor(sent / perRound)
      if (record !== undefined) sendEdit(record, round % editorCount, from + Math.floor(round / editorCount))
    }
    await sleep(1)
  }
}

/** Each editor sends again as soon as its neighbour has caught up; resolves when all have sent everything. */
async function sendByWindow(records: readonly RecordUnderLoad[], from: number, to: number, window: number): Promise<void> {
  const deadline = performance.now() + 4 * SETTLE_LIMIT
  let sending = 0
  for (const record of records) {
    const cursors = record.editors.map(() => from)
    sending += cursors.length
    const pump = (editor: number): void => {
      let next = cursors[editor] ?? to
      if (next >= to) return
      for (let free = window - record.tally.outstanding(editor); free > 0 && next < to; free -= 1, next += 1) {
        sendEdit(record, editor, next)
      }
      cursors[editor] = next
      if (next >= to) sending -= 1
    }
    record.tally.watch(pump)
    for (const editor of cursors.keys()) pump(editor)
  }
  while (sending > 0 && performance.now() < deadline) await sleep(2)
}
