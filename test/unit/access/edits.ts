/**
 * Honest work on a contact, drawn by fast-check: several stock documents, every kind of root, apart and brought together. What
 * comes out is every kind of update that a Yjs client may send.
 */
import fc from 'fast-check'
import * as Y from 'yjs'
import { wholeCharacters } from '../../support/whole-characters.ts'

export interface Device {
  readonly document: Y.Doc
  readonly undo: Y.UndoManager
  /** What it emitted, its own edits alone, in order. */
  readonly updates: Uint8Array[]
}

interface Step {
  readonly device: number
  readonly other: number
  readonly at: number
  readonly length: number
  readonly name: string
  readonly value: string | number | boolean | null
  readonly text: string
  readonly kind: keyof typeof KINDS
}

/** Keeps client ids apart and reproducible. */
const FIRST_CLIENT = 1_000

const UTF16 = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)), maxLength: 5 })
const TEXT = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }),
  UTF16,
  fc.constantFrom('😀', '👩‍👧', '\ufeffa', '\0'),
)
const NAME = fc.constantFrom('firstName', 'lastName', 'stage', 'x_colour', '', '😀')

function within(length: number, at: number): number {
  return at % (length + 1)
}

/** One edit each; `notes` holds nested elements with attributes and formatted text. */
const KINDS = {
  set: ({ document }, { name, value }) => document.getMap('fields').set(name, value),
  clear: ({ document }, { name }) => document.getMap('fields').delete(name),
  tag: ({ document }, { name }) => document.getMap('tags').set(name, true),
  untag: ({ document }, { name }) => document.getMap('tags').delete(name),
  column: ({ document }, { at, name, text }) => document.getMap('emails').set(`e${at % 3}/${name}`, text),
  removeEntry: ({ document }, { at }) => document.getMap('emails').set(`e${at % 3}/deleted`, true),
  type: ({ document }, { at, text }) => {
    const summary = document.getText('summary')
    summary.insert(within(summary.length, at), text)
  },
  erase: ({ document }, { at, length }) => {
    const summary = document.getText('summary')
    const start = within(summary.length, at)
    summary.delete(start, Math.min(length, summary.length - start))
  },
  format: ({ document }, { at, length, value }) => {
    const summary = document.getText('summary')
    const start = within(summary.length, at)
    const count = Math.min(length, summary.length - start)
    const whole = wholeCharacters(summary, start, count)
    if (count > 0) summary.format(whole.start, whole.length, { bold: value === null ? null : { weight: value } })
  },
  element: ({ document }, { at, name, text }) => {
    const notes = document.getXmlFragment('notes')
    const element = new Y.XmlElement('paragraph')
    element.setAttribute(name || 'align', text)
    const nested = new Y.XmlElement('item')
    nested.insert(0, [new Y.XmlText(text)])
    element.insert(0, [nested, new Y.XmlText('…')])
    notes.insert(within(notes.length, at), [element])
  },
  write: ({ document }, { at, text, value }) => {
    const notes = document.getXmlFragment('notes')
    const child = notes.length > 0 ? notes.get(at % notes.length) : undefined
    if (!(child instanceof Y.XmlElement)) return
    child.setAttribute('align', text)
    const last = child.get(child.length - 1)
    if (last instanceof Y.XmlText) last.insert(within(last.length, at), text, value === null ? {} : { em: { value } })
  },
  cut: ({ document }, { at }) => {
    const notes = document.getXmlFragment('notes')
    if (notes.length > 0) notes.delete(at % notes.length, 1)
  },
  undo: ({ undo }) => undo.undo(),
  redo: ({ undo }) => undo.redo(),
  together: (device, step) => {
    device.document.transact(() => {
      KINDS.set(device, step)
      KINDS.type(device, step)
      KINDS.column(device, step)
      KINDS.clear(device, step)
    })
  },
  receive: ({ document }, _, other) => {
    Y.applyUpdate(document, Y.encodeStateAsUpdate(other.document, Y.encodeStateVector(document)), 'remote')
  },
} satisfies Record<string, (device: Device, step: Step, other: Device) => void>

const STEP: fc.Arbitrary<Step> = fc.record({
  device: fc.nat(2),
  other: fc.nat(2),
  at: fc.nat(30),
  length: fc.integer({ min: 1, max: 8 }),
  name: NAME,
  value: fc.oneof(TEXT, fc.integer(), fc.double({ noNaN: true }), fc.boolean(), fc.constant(null)),
  text: TEXT,
  // Hearing of each other as often as that makes edits lean on what others wrote.
  kind: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...(Object.keys(KINDS) as (keyof typeof KINDS)[])) },
    { weight: 1, arbitrary: fc.constant<keyof typeof KINDS>('receive') },
  ),
})

/** Three devices, and what they did. */
export const DEVICES: fc.Arbitrary<readonly Device[]> = fc
  .array(STEP, { minLength: 1, maxLength: 40 })
  .map((steps) => play(steps))

function play(steps: readonly Step[]): readonly Device[] {
  const devices = [0, 1, 2].map((index) => createDevice(FIRST_CLIENT + index))
  for (const step of steps) {
    const [device, other] = [devices[step.device], devices[step.other]]
    if (device !== undefined && other !== undefined) KINDS[step.kind](device, step, other)
  }
  // A failure prints the steps and not the documents.
  return Object.assign(devices, { [fc.toStringMethod]: () => JSON.stringify(steps) })
}

function createDevice(client: number): Device {
  const document = new Y.Doc()
  document.clientID = client
  const roots = [
    document.getMap('fields'),
    document.getText('summary'),
    document.getXmlFragment('notes'),
    document.getMap('emails'),
  ]
  const device: Device = { document, undo: new Y.UndoManager(roots, { captureTimeout: 0 }), updates: [] }
  document.on('update', (update: Uint8Array, origin: unknown) => {
    if (origin !== 'remote') device.updates.push(update)
  })
  return device
}

export function released(devices: readonly Device[]): void {
  for (const { document, undo } of devices) {
    undo.destroy()
    document.destroy()
  }
}
