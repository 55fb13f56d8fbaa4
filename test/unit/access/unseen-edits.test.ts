/** P5: edits that were made in rows by somebody who had not seen what stands in the document, though the server makes them on top of it. */
import { recordType } from '@rapport/shared/schema/record-type.ts'
import { number, string } from '@rapport/shared/schema/register.ts'
import { describe, expect, test } from 'vitest'
import type { EditSubmission } from '../../../server/access/submission.ts'
import { type Courtroom, openCourt, openReplica, principal } from './courtroom.ts'

const declared = recordType({
  name: 'contact',
  schemaVersion: 1,
  fields: {
    title: string({ maxLength: 20 }),
    most: number({ merge: 'max' }),
    least: number({ merge: 'min' }),
    crms: string({ maxLength: 20, merge: 'crm-wins' }),
    mobiles: string({ maxLength: 20, merge: 'mobile-wins' }),
  },
  roots: {},
})
const rep = principal('ada', 'rep')
const STOOD = { title: 'CEO', most: 5, least: 5, crms: 'rep', mobiles: 'rep' }
const WRITTEN = { title: 'CTO', most: 7, least: 7, crms: 'crm', mobiles: 'crm' }
const RULED = { title: 'CTO', most: 7, least: 5, crms: 'crm', mobiles: 'rep' }

/** One by SQL, of these values in turn; `unseen`: the fields where its author had not seen what stands. */
function rows(values: readonly Readonly<Record<string, unknown>>[], unseen: readonly string[], id = 1): EditSubmission {
  return {
    ...{ type: 'edit', principal: principal('carla', 'crm'), via: 'sql', frees: false },
    change(document) {
      for (const each of values) for (const [name, value] of Object.entries(each)) document.getMap('fields').set(name, value)
    },
    absorbs: () => ({
      unseen: unseen.map((name) => ['fields', name]),
      changes: [{ id, status: 'absorbed', reason: null }],
    }),
  }
}

function write(who: 'a phone' | 'REST', court: Courtroom): void {
  if (who === 'REST') {
    const change: EditSubmission['change'] = (document) => {
      for (const [name, value] of Object.entries(STOOD)) document.getMap('fields').set(name, value)
    }
    court.judge({ type: 'edit', principal: rep, via: 'rest', frees: false, change })
    return
  }
  const phone = openReplica(7)
  for (const [name, value] of Object.entries(STOOD)) phone.document.getMap('fields').set(name, value)
  court.submit(rep, phone.take())
}

const conflicts = (court: Courtroom, name: string) =>
  [...court.ledger.conflictsAt(['fields', name])].map(({ kept, replaced }) => [kept.value, replaced.value, replaced.author.sub])

describe.each(['a phone', 'REST'] as const)('over what %s wrote', (who) => {
  test('the declared rule decides, or else the row as the later one, and the loser has one row', () => {
    const court = openCourt(500, declared)
    write(who, court)
    const { entry } = court.judge(rows([WRITTEN], Object.keys(WRITTEN)))
    expect(court.document.getMap('fields').toJSON()).toEqual(RULED)
    expect(Object.keys(RULED).map((name) => conflicts(court, name))).toEqual([
      [['CTO', 'CEO', 'ada']],
      [[7, 5, 'ada']],
      [[5, 7, 'carla']],
      [['crm', 'rep', 'ada']],
      [['rep', 'crm', 'carla']],
    ])
    expect(entry?.findings.absorbed).toEqual([{ id: 1, status: 'absorbed', reason: null }])
  })

  test('where its author had seen it there is no conflict, and no rule', () => {
    const court = openCourt(500, declared)
    write(who, court)
    court.judge(rows([WRITTEN], []))
    expect(court.document.getMap('fields').toJSON()).toEqual(WRITTEN)
    expect(Object.keys(RULED).flatMap((name) => conflicts(court, name))).toEqual([])
  })

  test('its author has seen his own writes: two in a row are one against what stood', () => {
    const court = openCourt(500, declared)
    write(who, court)
    court.judge(
      rows(
        [
          { title: 'CTO', mobiles: 'crm' },
          { title: 'COO', mobiles: 'again' },
        ],
        ['title', 'mobiles'],
      ),
    )
    expect(court.document.getMap('fields').toJSON()).toMatchObject({ title: 'COO', mobiles: 'rep' })
    expect(conflicts(court, 'title')).toEqual([['CTO', 'CEO', 'ada']])
    expect(conflicts(court, 'mobiles')).toEqual([['rep', 'again', 'carla']])
  })
})

test('an edit that writes nothing settles nothing: no entry would', () => {
  const court = openCourt(500, declared)
  const { entry, verdicts } = court.judge(rows([], []))
  expect([entry, verdicts]).toEqual([undefined, [{ type: 'known' }]])
  expect(court.judge(rows([{ title: 'CTO' }], [], 2)).entry?.findings.absorbed).toMatchObject([{ id: 2 }])
})
