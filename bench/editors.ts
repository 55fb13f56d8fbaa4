/**
 * The edits of one editor, made before the clock starts: real Yjs updates, each the delta of one register write into the editor's
 * own activity. One edit is one struct of length one, so the n-th edit is the editor's clock n, and a receiver can tell from
 * the clocks alone which edits a frame brought, however many of them the server merged into it.
 */
import * as Y from 'yjs'
import { frameUpdate } from '../test/support/sync-socket.ts'

export interface Editor {
  /** Yjs client id. */
  readonly client: number
  /** Ready y-websocket messages, one an edit, in order. */
  readonly frames: readonly Uint8Array[]
  /** Everything this editor will have written, as one update. */
  readonly state: Uint8Array
}

/** What an editor writes: two columns of one activity of its own, or one of 25 custom fields of its own at a time. */
export type Place = 'activity' | 'field'

const FIELDS = 25

/** An editor with `count` edits of about 20 bytes of text each. */
export function prepareEditor(client: number, count: number, place: Place = 'activity'): Editor {
  const document = new Y.Doc()
  document.clientID = client
  const frames: Uint8Array[] = []
  document.on('update', (update: Uint8Array) => frames.push(frameUpdate(update)))
  const [activities, fields] = [document.getMap('activities'), document.getMap('fields')]
  const entry = `entry-${client}`
  for (let edit = 0; edit < count; edit += 1) {
    if (place === 'field') fields.set(`x_${client}_${edit % FIELDS}`, `value ${edit} of ${client}`)
    else activities.set(`${entry}/${edit % 2 === 0 ? 'subject' : 'body'}`, `call ${edit} of ${client}`)
  }
  const state = Y.encodeStateAsUpdate(document)
  document.destroy()
  return { client, frames, state }
}

/**
 * The content that a replica has after these updates, as comparable text; `undefined` if something it refers to is missing.
 */
export function contentAfter(updates: readonly Uint8Array[]): string | undefined {
  const document = new Y.Doc()
  document.transact(() => {
    for (const update of updates) Y.applyUpdate(document, update)
  })
  const whole = document.store.pendingStructs === null && document.store.pendingDs === null
  const held = (root: string) => [...document.getMap(root).entries()]
  const entries = [...held('activities'), ...held('fields')].sort(([one], [other]) => (one < other ? -1 : 1))
  document.destroy()
  return whole ? JSON.stringify(entries) : undefined
}
