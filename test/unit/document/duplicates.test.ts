/** What needs no judging: and that a deletion in what a sender knows already is not overlooked where it may mean something. */
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { openWritten } from './opened.ts'
import { join, Listener, settled } from './stage.ts'

const whole = ({ document }: Listener): Uint8Array => Y.encodeStateAsUpdate(document)
const vectorOf = ({ document }: Listener): Uint8Array => Y.encodeStateVector(document)

describe('P4: a device that was away', () => {
  /**
   * Ada's value stands. Eve, who may not write there, overwrote it, so the server shows it again by an item of its own. A
   * device of Ada's that was away has seen the first item only.
   */
  async function shownAgain() {
    const opened = await openWritten()
    const { room, ada } = opened
    const manager = new Listener('boss', { role: 'manager' })
    await join(room, manager)
    room.submit(manager, manager.set('creditLimit', '10.00'))
    await settled()
    const away = new Listener('boss', { role: 'manager' })
    Y.applyUpdate(away.document, whole(manager))
    room.submit(ada, ada.set('creditLimit', '99.00'))
    await settled()
    expect(manager.field('creditLimit')).toBe('10.00')
    return { ...opened, away }
  }

  test('clears a field by deleting what it saw there, though that is dead by now', async () => {
    const { room, away } = await shownAgain()
    const vector = vectorOf(away)
    away.edit((document) => document.getMap('fields').delete('creditLimit'))
    room.submit(away, whole(away), vector)
    await settled()
    expect((await room.view(({ document }) => document.getMap('fields').get('creditLimit'))) ?? null).toBeNull()
  })

  test('and clears nothing by telling of deletions that are stored', async () => {
    const { room, away, ada, key, memory } = await shownAgain()
    room.submit(away, whole(away), vectorOf(away))
    room.submit(ada, whole(ada), vectorOf(ada))
    await settled()
    expect(await room.view(({ document }) => document.getMap('fields').get('creditLimit'))).toBe('10.00')
    expect((await memory.load(key))?.tail).toHaveLength(3)
  })
})
