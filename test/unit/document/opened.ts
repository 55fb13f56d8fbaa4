/** Rooms that a test finds open, and edits as the server makes them. */
import type { RecordKey } from '@rapport/shared/ids.ts'
import { recordKey } from '../../support/entries.ts'
import { createStage, type Instance, join, Listener, principalOf, type StageOptions, settled } from './stage.ts'

export const crm = principalOf('crm', 'crm')

/** Writes one field through a room of this instance, as the server. */
export async function edit({ registry }: Instance, key: RecordKey, name: string, value: string): Promise<void> {
  const room = await registry.acquire(key)
  await room.edit(crm, (document) => document.getMap('fields').set(name, value))
  registry.release(room)
}

export async function fieldOf({ registry }: Instance, key: RecordKey, name: string): Promise<unknown> {
  const room = await registry.acquire(key)
  const value = await room.view(({ document }) => document.getMap('fields').get(name))
  registry.release(room)
  return value
}

/** A room that nobody has written in yet. */
export async function openRoom(options?: StageOptions) {
  const stage = createStage(options)
  const key = recordKey()
  const room = await stage.registry.acquire(key)
  return { ...stage, key, room }
}

/** A room with somebody in it who has written the first entry. */
export async function openWritten(options?: StageOptions) {
  const opened = await openRoom(options)
  const ada = new Listener('ada')
  await join(opened.room, ada)
  opened.room.submit(ada, ada.set('firstName', 'Ada'))
  await settled()
  return { ...opened, ada }
}
