/** Fields that declare who wins when two writes have not seen each other: whatever the ids, and whoever comes first. */
import { recordType } from '@rapport/shared/schema/record-type.ts'
import { money, number, string } from '@rapport/shared/schema/register.ts'
import { describe, expect, test } from 'vitest'
import { openCourt, openReplica, principal } from './courtroom.ts'

const declared = recordType({
  name: 'contact',
  schemaVersion: 1,
  fields: {
    most: number({ merge: 'max' }),
    least: number({ merge: 'min' }),
    mostMoney: money({ merge: 'max' }),
    crms: string({ maxLength: 20, merge: 'crm-wins' }),
    mobiles: string({ maxLength: 20, merge: 'mobile-wins' }),
  },
  roots: {},
})
const [rep, crm] = [principal('ada', 'rep'), principal('crm', 'crm')]
const RULED = { most: 7, least: 5, mostMoney: '-9.25', crms: 'crm', mobiles: 'rep' }

describe.each([
  { ids: [10, 20], server: 5 },
  { ids: [20, 10], server: 5 },
  { ids: [10, 20], server: 0xffff_ffff },
  { ids: [20, 10], server: 0xffff_ffff },
])('under client ids $ids and the server id $server', ({ ids, server }) => {
  test.each(['rep', 'crm'])('P5: the declared rule decides, the %s first, and the loser has one row', (first) => {
    const court = openCourt(server, declared)
    const [phone, backend] = [openReplica(ids[0] ?? 0), openReplica(ids[1] ?? 0)]
    const write = (map: typeof phone, values: Readonly<Record<string, unknown>>): void => {
      map.document.transact(() => {
        for (const [name, value] of Object.entries(values)) map.document.getMap('fields').set(name, value)
      })
    }
    write(phone, { most: 5, least: 5, mostMoney: '-10.5', crms: 'rep', mobiles: 'rep' })
    write(backend, { most: 7, least: 7, mostMoney: '-9.25', crms: 'crm', mobiles: 'crm' })
    const arrivals = [
      { who: rep, update: phone.take() },
      { who: crm, update: backend.take() },
    ]
    for (const { who, update } of first === 'rep' ? arrivals : arrivals.toReversed()) court.submit(who, update)
    expect(court.document.getMap('fields').toJSON()).toEqual(RULED)
    const rows = Object.keys(RULED).map((name) => {
      return [...court.ledger.conflictsAt(['fields', name])].map(({ kept, replaced }) => [kept.value, replaced.value])
    })
    expect(rows).toEqual([[[7, 5]], [[5, 7]], [['-9.25', '-10.5']], [['crm', 'rep']], [['rep', 'crm']]])
    for (const { document } of [phone, backend]) {
      court.sync(document)
      expect(document.getMap('fields').toJSON()).toEqual(RULED)
    }
  })
})
