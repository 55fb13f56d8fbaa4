/**
 * Damaged updates, one after the other, each put before the judge of a record that honest people wrote: whatever becomes of it, the
 * record can be read, stored, loaded and edited afterwards, and what was loaded from the log equals what was live.
 */
import fc from 'fast-check'
import * as Y from 'yjs'
import { preScan, type ScannedUpdate } from '../../../server/access/pre-scan.ts'
import { createSlicer } from '../../../server/access/slices.ts'
import { MalformedUpdate } from '../../../server/access/update-reader.ts'
import { createRandom } from '../../simulation/random.ts'
import { type Courtroom, openCourt, principal } from './courtroom.ts'
import { DEVICES, type Device, released } from './edits.ts'
import { mutantOf } from './mutants.ts'

export interface MutationTally {
  mutants: number
  scanned: number
  /** Something new of it was applied to a live document, whatever was judged of that. */
  reached: number
  /** The judge or Yjs threw: the room would keep it in quarantine and load the record anew. By message. */
  readonly thrown: Map<string, number>
  /** A text has another order, or a broken character, after loading: neighbours were forged that no editor could have had. */
  forked: number
  /** By verdict. */
  readonly verdicts: Map<string, number>
}

/** From the same honest work so many mutants are made. */
const PER_HISTORY = 25
const ADA = principal('ada', 'rep')
const MALLORY = principal('mallory', 'rep')
/** Above all ids that honest devices and the server use in here. */
const EDITOR = 0x7fff_0000

/** Throws an error that names the seed at the first record that is not as it must be. */
export function runMutants(firstSeed: number, count: number): MutationTally {
  const tally: MutationTally = { mutants: 0, scanned: 0, reached: 0, forked: 0, thrown: new Map(), verdicts: new Map() }
  for (let seed = firstSeed; tally.mutants < count; seed += 1) {
    const [devices = []] = fc.sample(DEVICES, { seed, numRuns: 1 })
    const random = createRandom(seed)
    const honest = honestUpdates(devices)
    if (honest.length > 0) {
      for (let left = Math.min(PER_HISTORY, count - tally.mutants); left > 0; left -= 1) {
        const mutant = mutantOf(random, honest)
        try {
          put(tally, mutant, devices[random.below(devices.length)]?.document, random.chance(0.3))
        } catch (cause) {
          throw new Error(`seed ${seed}, the mutant ${Buffer.from(mutant).toString('base64')}`, { cause })
        }
      }
    }
    released(devices)
  }
  return tally
}

function honestUpdates(devices: readonly Device[]): Uint8Array[] {
  const states = devices.map(({ document }) => Y.encodeStateAsUpdate(document))
  const vectors = devices.map(({ document }) => Y.encodeStateVector(document))
  const differences = states.flatMap((state) => vectors.map((vector) => Y.diffUpdate(state, vector)))
  return [...devices.flatMap(({ updates }) => updates), ...states, ...differences].filter((update) => update.length > 2)
}

/** `sliced`: judged in pieces, as a large one would be. */
function put(tally: MutationTally, mutant: Uint8Array, held: Y.Doc | undefined, sliced: boolean): void {
  tally.mutants += 1
  const update = scan(mutant)
  if (update === undefined) return
  tally.scanned += 1
  const court = openCourt()
  if (held !== undefined) submit(court, preScan(Y.encodeStateAsUpdate(held)), { relayed: true })
  let reached: boolean
  try {
    const slicer = createSlicer(update)
    let verdict = 'nothing'
    for (let piece = slicer.next(sliced ? 2 : 5_000); piece !== undefined; piece = slicer.next(2)) {
      verdict = submit(court, piece, { whole: update, unfinished: slicer.more() })
      if (verdict !== 'admitted' && verdict !== 'known') break
    }
    reached = verdict === 'admitted'
    add(tally.verdicts, verdict)
    if (!check(court.document, court)) tally.forked += 1
  } catch (error) {
    if (error instanceof Difference) throw error
    add(tally.thrown, String(error).slice(0, 200))
    reached = true
  }
  if (reached) tally.reached += 1
}

function submit(
  court: Courtroom,
  update: ScannedUpdate,
  more: { relayed?: true; whole?: ScannedUpdate; unfinished?: boolean },
): string {
  const who = more.relayed ? ADA : MALLORY
  return court.judge({ type: 'update', principal: who, update, ...more }).verdicts[0]?.type ?? 'none'
}

function scan(bytes: Uint8Array): ScannedUpdate | undefined {
  try {
    return preScan(bytes)
  } catch (error) {
    if (error instanceof MalformedUpdate) return undefined
    throw error
  }
}

class Difference extends Error {}

/** False if no more than the order of texts differs. */
function check(document: Y.Doc, court: Courtroom): boolean {
  const editor = new Y.Doc()
  editor.clientID = EDITOR
  court.sync(editor)
  const vector = Y.encodeStateVector(editor)
  editor.getMap('fields').set('lastName', 'Lovelace')
  const edit = Y.encodeStateAsUpdate(editor, vector)
  const verdict = court.judge({ type: 'update', principal: ADA, update: preScan(edit) }).verdicts[0]?.type
  if (verdict !== 'admitted') throw new Difference(`an honest edit became ${verdict}`)
  if (document.getMap('fields').get('lastName') !== 'Lovelace') throw new Difference('an honest edit does not show')
  court.sync(editor)
  const fromState = new Y.Doc()
  Y.applyUpdate(fromState, Y.encodeStateAsUpdate(document))
  const fromLog = new Y.Doc()
  for (const { update } of court.entries) Y.applyUpdate(fromLog, update)
  const [keys, texts] = [keysOf(document), textsOf(document)]
  let same = true
  for (const [how, copy] of [
    ['the stored state', fromState],
    ['the log', fromLog],
    ['a stock client', editor],
  ] as const) {
    if (keysOf(copy) !== keys) throw new Difference(`${how} differs from what is live:\n${keysOf(copy)}\n${keys}`)
    if (copy.store.pendingStructs !== null || copy.store.pendingDs !== null) throw new Difference(`${how} is not whole`)
    same &&= textsOf(copy) === texts
    copy.destroy()
  }
  return same
}

/** The keys of all maps, and what there is of each client. */
function keysOf(document: Y.Doc): string {
  const maps = ['fields', 'tags', 'emails', 'meta'].map((name) => Object.entries(document.getMap(name).toJSON()).sort(byName))
  const vector = [...Y.decodeStateVector(Y.encodeStateVector(document))].sort(([one], [other]) => one - other)
  return JSON.stringify([maps, vector], (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
}

function textsOf(document: Y.Doc): string {
  return JSON.stringify([document.getText('summary').toDelta(), document.getXmlFragment('notes').toString()])
}

function byName([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
