/** What looks small and is not: cut before it is judged for the first time. */
import { expect, test } from 'vitest'
import type * as Y from 'yjs'
import { preScan } from '../../../server/access/pre-scan.ts'
import { Inbox, type Waiting } from '../../../server/document/inbox.ts'
import { Slicing } from '../../../server/document/slicing.ts'
import { encoded } from '../access/bytes.ts'
import { openReplica, principal } from '../access/courtroom.ts'

const ITEMS = 3_000
const LEANING = 20

/** A text of so many items: 9:2999 is the first. */
function longText(): Y.Doc {
  const { document } = openReplica(9)
  document.transact(() => {
    for (let index = 0; index < ITEMS; index += 1) document.getText('summary').insert(0, 'a')
  })
  return document
}

function leaningOn(clock: number): Uint8Array {
  const structs = Array.from({ length: LEANING }, () => [Uint8Array.of(0x84), 9, clock, 'v'])
  return encoded([1, LEANING, 5, 0, ...structs.flat(), 0])
}

/** What one entry takes of an update, as structs and ranges of each piece, and whether more is to come of each. */
function taken(bytes: Uint8Array, document: Y.Doc): { weight: string; unfinished: boolean | undefined }[] {
  const inbox = new Inbox()
  const source: Waiting['source'] = { type: 'caller', resolve: () => undefined, reject: () => undefined }
  inbox.add({ source, bytes: bytes.length, submission: { type: 'update', principal: principal('eve'), update: preScan(bytes) } })
  return new Slicing().take(inbox, document).map(({ submission }) => {
    if (submission.type !== 'update') throw new Error('no update')
    const { count, deletes } = submission.update
    return { weight: `${count} ${deletes.length}`, unfinished: submission.unfinished }
  })
}

test('P10: of structs that lean on the far end of a long text, each is a piece', () => {
  const pieces = taken(leaningOn(ITEMS - 1), longText())
  expect(pieces.map(({ weight }) => weight)).toEqual(Array.from({ length: LEANING }, () => '1 0'))
  expect(pieces.map(({ unfinished }) => unfinished)).toEqual([...Array.from({ length: LEANING - 1 }, () => true), false])
})

test('P10: as many at the end of the text are judged at once', () => {
  expect(taken(leaningOn(0), longText())).toEqual([{ weight: `${LEANING} 0`, unfinished: undefined }])
})

test('P10: a deletion of everything is as many pieces as there is to delete', () => {
  const pieces = taken(encoded([0, 1, 9, 1, 0, ITEMS]), longText())
  expect(pieces).toHaveLength(Math.ceil(ITEMS / 32))
  expect(pieces.at(-1)).toEqual({ weight: '0 1', unfinished: false })
})
