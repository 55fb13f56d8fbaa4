/** A deletion by somebody who lacks what the server shows instead: looked for among what he knew, at no price that he can set. */
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { bytesOf } from './bytes.ts'
import { openCourt, openReplica, principal } from './courtroom.ts'

/** Bytes of an item that holds nothing any more, behind another one. */
const DEAD_BEHIND = Uint8Array.of(0x81)

/** The server shows Ada's value again, since Eve may not write the field. */
function shownAgain() {
  const court = openCourt(4_294_967_295)
  const ada = openReplica(900)
  ada.document.getMap('fields').set('creditLimit', '5')
  court.submit(principal('ada'), ada.take())
  const eve = openReplica(950)
  court.sync(eve.document)
  eve.take()
  eve.document.getMap('fields').set('creditLimit', '6')
  court.submit(principal('eve', 'rep'), eve.take())
  expect(court.document.getMap('fields').get('creditLimit')).toBe('5')
  return { court, ada }
}

test('P10: an item of 2^31 dead clocks in the key is not stepped through clock by clock', () => {
  const { court } = shownAgain()
  const [eve, length] = [1_000, 2 ** 31]
  // Behind Ada's value, and before what the server shows.
  const dead = bytesOf(1, 1, eve, 0, DEAD_BEHIND, 900, 0, length, 0)
  expect(court.submit(principal('eve', 'rep'), dead).verdicts).toMatchObject([{ type: 'admitted' }])
  const chain: number[] = []
  for (let item = court.document.getMap('fields')._map.get('creditLimit') ?? null; item !== null; item = item.left)
    chain.push(item.length)
  expect(chain).toContain(length)
  // She names its first clock alone, so each of the others would be asked for in vain.
  court.submit(principal('eve', 'rep'), bytesOf(0, 1, eve, 1, 0, 1))
  const nobody = bytesOf(0, 1, 950, 1, 0, 1)
  court.submit(principal('eve', 'rep'), nobody, Y.encodeStateVector(new Y.Doc()))
  expect(court.document.getMap('fields').get('creditLimit')).toBe('5')
})

test('whoever deletes the value that he sees, while the server shows it by another item, has deleted it', () => {
  const { court, ada } = shownAgain()
  ada.document.getMap('fields').delete('creditLimit')
  expect(court.submit(principal('ada'), ada.take()).verdicts).toMatchObject([{ type: 'admitted' }])
  expect(court.document.getMap('fields').get('creditLimit') ?? null).toBe(null)
})
