/** A bench that miscounts is worse than none: what a tally and the final comparison must notice. */
import * as decoding from 'lib0/decoding'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { contentAfter, prepareEditor } from '../../../bench/editors.ts'
import { percentiles } from '../../../bench/statistics.ts'
import { createTally } from '../../../bench/tally.ts'

const editors = [prepareEditor(11, 4), prepareEditor(22, 4), prepareEditor(33, 4)] as const

/** The update inside the n-th frame of an editor. */
function updateOf(editor: 0 | 1 | 2, edit: number): Uint8Array {
  const decoder = decoding.createDecoder(editors[editor].frames[edit] ?? new Uint8Array())
  decoding.readVarUint(decoder)
  decoding.readVarUint(decoder)
  return decoding.readVarUint8Array(decoder)
}

function sentTwice(echo = false) {
  const tally = createTally(editors, () => echo)
  tally.startMeasuring()
  tally.sent(0)
  tally.sent(0)
  return tally
}

test('each edit is due at everybody but its author, and one merged frame may deliver several', () => {
  const tally = sentTwice()
  expect(tally.due()).toBe(4)
  tally.received(1, Y.mergeUpdates([updateOf(0, 0), updateOf(0, 1)]))
  expect(tally.delivered()).toBe(2)
  tally.received(2, updateOf(0, 0))
  tally.received(2, updateOf(0, 1))
  expect(tally.delivered()).toBe(4)
  expect(tally.gaps()).toBe(0)
})

test('a repeated frame delivers nothing, and an echo to the author is an acknowledgement and no delivery', () => {
  const tally = sentTwice(true)
  tally.received(1, updateOf(0, 0))
  tally.received(1, updateOf(0, 0))
  tally.received(0, updateOf(0, 0))
  expect(tally.delivered()).toBe(1)
  expect(tally.acknowledgements).toHaveLength(1)
  expect(tally.latencies).toHaveLength(1)
  expect(tally.outstanding(0)).toBe(1)
})

test('a frame that went missing shows as a gap and in the content, even if a later one hides it from the count', () => {
  const tally = sentTwice()
  tally.received(1, updateOf(0, 1))
  expect(tally.gaps()).toBe(1)
  expect(contentAfter(tally.framesOf(1))).toBeUndefined()
})

test('content is compared by what it says, not by how it arrived', () => {
  const whole = contentAfter(editors.map((editor) => editor.state))
  expect(contentAfter([0, 1, 2, 3].flatMap((edit) => [updateOf(2, edit), updateOf(0, edit), updateOf(1, edit)]))).toBe(whole)
  expect(contentAfter([editors[0].state, editors[1].state])).not.toBe(whole)
})

test('percentiles are by nearest rank', () => {
  const samples = Array.from({ length: 100 }, (_, index) => 100 - index)
  expect(percentiles(samples)).toEqual({ p50: 50, p99: 99, samples: 100 })
  expect(percentiles([])).toBeUndefined()
})
