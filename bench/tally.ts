/**
 * Counts deliveries by what frames contain. Each receiver keeps, for every editor of its record, how far it has seen that
 * editor's clock; a frame that starts beyond it shows a gap, one that ends at or below it brought nothing. Latencies are taken
 * at one chosen receiver per editor, its neighbour, so that taking them costs little.
 */
import * as Y from 'yjs'
import type { Editor } from './editors.ts'

export interface Tally {
  /** A frame that this receiver got. */
  received(receiver: number, update: Uint8Array): void
  /** Calls back after each frame with the editor whose edits that receiver answers for. */
  watch(progressed: (editor: number) => void): void
  /** The editor's next edit is on its way. */
  sent(editor: number): void
  /** Edits of this editor that its neighbour has not seen yet. */
  outstanding(editor: number): number
  /** Deliveries so far, and those that everything sent so far must come to. */
  delivered(): number
  due(): number
  /** Starts the measured part: what happened before no longer shows in latencies. */
  startMeasuring(): void
  readonly latencies: readonly number[]
  readonly acknowledgements: readonly number[]
  gaps(): number
  /** All that a receiver got, in order. */
  framesOf(receiver: number): readonly Uint8Array[]
}

/** A record's editors are its receivers too: editor n and receiver n share one socket. `echo` names those that get their own. */
export function createTally(editors: readonly Editor[], echo: (index: number) => boolean): Tally {
  const indexOf = new Map(editors.map((editor, index) => [editor.client, index]))
  const seen = editors.map(() => new Uint32Array(editors.length))
  const sentAt = editors.map((editor) => new Float64Array(editor.frames.length))
  const sentCount = new Uint32Array(editors.length)
  const frames = editors.map((): Uint8Array[] => [])
  const latencies: number[] = []
  const acknowledgements: number[] = []
  let delivered = 0
  let gaps = 0
  let since = Number.POSITIVE_INFINITY
  let progressed: ((editor: number) => void) | undefined

  const neighbourOf = (editor: number): number => (editor + 1) % editors.length
  const seenBy = (receiver: number, editor: number): number => seen[receiver]?.[editor] ?? 0

  function samplesFor(receiver: number, editor: number): number[] | undefined {
    if (receiver === neighbourOf(editor)) return latencies
    return receiver === editor && echo(editor) ? acknowledgements : undefined
  }

  return {
    latencies,
    acknowledgements,
    gaps: () => gaps,
    delivered: () => delivered,
    due: () => sentCount.reduce((sum, count) => sum + count, 0) * (editors.length - 1),
    framesOf: (receiver) => frames[receiver] ?? [],
    watch(callback) {
      progressed = callback
    },
    startMeasuring() {
      since = performance.now()
    },
    outstanding: (editor) => (sentCount[editor] ?? 0) - seenBy(neighbourOf(editor), editor),
    sent(editor) {
      const times = sentAt[editor]
      const count = sentCount[editor] ?? 0
      if (times !== undefined) times[count] = performance.now()
      sentCount[editor] = count + 1
    },
    received(receiver, update) {
      const now = performance.now()
      frames[receiver]?.push(update)
      const { from, to } = Y.parseUpdateMeta(update)
      for (const [client, end] of to) {
        const editor = indexOf.get(client)
        const row = seen[receiver]
        if (editor === undefined || row === undefined) continue
        const start = row[editor] ?? 0
        // An author's own edits come back only now and then, inside entries that hold others' as well.
        if (receiver !== editor && (from.get(client) ?? 0) > start) gaps += 1
        if (end <= start) continue
        row[editor] = end
        if (receiver !== editor) delivered += end - start
        const samples = samplesFor(receiver, editor)
        for (let edit = start; samples !== undefined && edit < end; edit += 1) {
          const at = sentAt[editor]?.[edit] ?? 0
          if (at >= since) samples.push(now - at)
        }
      }
      progressed?.((receiver + editors.length - 1) % editors.length)
    },
  }
}
