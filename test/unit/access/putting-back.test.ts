/** P5: a conflict's replaced value is put back only while it is the one that was seen. */
import { expect, test } from 'vitest'
import type { EditSubmission } from '../../../server/access/submission.ts'
import type { Conflict } from '../../../server/log/findings.ts'
import { openCourt, openReplica, principal } from './courtroom.ts'

/** Bob wrote under the lower client id, so what he writes without having seen the other value never shows. */
function meet() {
  const court = openCourt(500)
  const [ann, bob] = [openReplica(900), openReplica(5)]
  ann.document.getMap('fields').set('title', 'Boss')
  court.submit(principal('ann'), ann.take())
  const write = (value: string): Conflict => {
    bob.document.getMap('fields').set('title', value)
    court.submit(principal('bob'), bob.take())
    const [row] = [...court.ledger.conflictsAt(['fields', 'title'])]
    if (row === undefined) throw new Error('no conflict was found')
    return row
  }
  return { court, write }
}

function puttingBack({ id, replaced }: Conflict): EditSubmission {
  return {
    ...{ type: 'edit', principal: principal('max'), via: 'rest', frees: false },
    change: (document) => void document.getMap('fields').set('title', replaced.value),
    settles: { id, status: 'restored', replaced: replaced.item },
  }
}

const STALE = { type: 'refused', error: { code: 'stale' } }

test('P5: one whose author has written on since is not put back over what he wrote', () => {
  const { court, write } = meet()
  const [seen, newer] = [write('b0'), write('b1')]
  expect([newer.id, newer.replaced.value]).toEqual([seen.id, 'b1'])
  expect(court.judge(puttingBack(seen)).verdicts).toMatchObject([STALE])
  expect(court.document.getMap('fields').get('title')).toBe('Boss')
  expect([...court.ledger.conflictsAt(['fields', 'title'])]).toEqual([newer])
  expect(court.judge(puttingBack(newer)).verdicts).toMatchObject([{ type: 'admitted' }])
  expect(court.document.getMap('fields').get('title')).toBe('b1')
})

test('P5: of two who put it back at once the second writes nothing', () => {
  const { court, write } = meet()
  const seen = write('b0')
  const { verdicts, entry } = court.judge(puttingBack(seen), puttingBack(seen))
  expect(verdicts).toMatchObject([{ type: 'admitted' }, STALE])
  expect(entry?.findings.changes).toHaveLength(1)
  expect(entry?.findings.settled).toEqual([{ id: seen.id, status: 'restored' }])
})
