/**
 * What the pre-scan of an ordinary edit costs, beside what applying it costs: one-field edits of a contact with 50 fields, as a stock
 * client sends them. Prints microseconds and the ratio of one run. `node bench/micro/scan.ts`.
 */
import * as Y from 'yjs'
import { hasGap, preScan } from '../../server/access/pre-scan.ts'

const FIELDS = 50
const EDITS = 5_000
const ROUNDS = 7

const editor = new Y.Doc()
const updates: Uint8Array[] = []
for (let field = 0; field < FIELDS; field += 1) editor.getMap('fields').set(`x_${field}`, `value ${field}`)
const start = Y.encodeStateAsUpdate(editor)
editor.on('update', (update: Uint8Array) => updates.push(update))
for (let edit = 0; edit < EDITS; edit += 1) editor.getMap('fields').set(`x_${edit % FIELDS}`, `value ${edit}`)

/** Microseconds for each update. */
function measure(handle: (update: Uint8Array, document: Y.Doc) => void): number {
  const document = new Y.Doc()
  Y.applyUpdate(document, start)
  let heard = 0
  document.on('update', () => heard++)
  const began = performance.now()
  for (const update of updates) handle(update, document)
  return ((performance.now() - began) * 1_000) / updates.length
}

function scan(update: Uint8Array, document: Y.Doc): void {
  if (hasGap(preScan(update), { clock: (client) => Math.max(Y.getState(document.store, client), FIELDS + EDITS) })) {
    throw new Error('an ordinary edit has no gap')
  }
}

const apply = (update: Uint8Array, document: Y.Doc): void => Y.applyUpdate(document, update)

const scans: number[] = []
const applies: number[] = []
for (let round = 0; round < ROUNDS; round += 1) {
  scans.push(measure(scan))
  applies.push(measure(apply))
}
const median = (values: readonly number[]): number => values.toSorted((one, other) => one - other)[values.length >> 1] ?? 0
const [scanned, applied] = [median(scans), median(applies)]
console.log(
  `scan ${scanned.toFixed(2)} µs, apply ${applied.toFixed(2)} µs for each edit: ratio ${(scanned / applied).toFixed(3)}`,
)
