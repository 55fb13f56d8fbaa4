/** Whose ids a submission carries: what restores and announcements change about it, and how many one person may have. */
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { whoseIds } from '../../../server/access/client-ids.ts'
import { Ledger } from '../../../server/access/ledger.ts'
import { preScan } from '../../../server/access/pre-scan.ts'
import { type ClientOwner, EMPTY_LEDGER } from '../../../server/log/findings.ts'
import { principalOf } from '../document/stage.ts'

const owned = (client: number, sub: string, relayed = false): ClientOwner => ({ client, owner: { sub, role: 'rep' }, relayed })

function ask(sub: string, client: number, given: { clients?: readonly ClientOwner[]; relayed?: boolean; announcedBy?: string }) {
  const source = new Y.Doc()
  source.clientID = client
  source.getMap('fields').set('title', 'Dr')
  return whoseIds({
    document: new Y.Doc(),
    ledger: new Ledger({ ...EMPTY_LEDGER, clients: given.clients ?? [] }),
    principal: principalOf(sub),
    update: preScan(Y.encodeStateAsUpdate(source)),
    relayed: given.relayed ?? false,
    presenceOwner: () => given.announcedBy,
  })
}

test.each([true, false])('an id that others relayed is its announcer’s with the first write, restore window %s', (relayed) => {
  const clients = [owned(77, 'bob', true)]
  expect(ask('ada', 77, { clients, relayed, announcedBy: 'ada' })).toEqual({
    type: 'own',
    bind: [{ client: 77, relayed: false }],
  })
})

test('an id that others relayed and somebody announced is nobody else’s', () => {
  const clients = [owned(77, 'bob', true)]
  expect(ask('mallory', 77, { clients, announcedBy: 'ada' }).type).toBe('foreign')
  expect(ask('mallory', 77, { clients, relayed: true, announcedBy: 'ada' })).toEqual({ type: 'own', bind: [] })
})

test('P10: one person has 5,000 ids in a record, and those relayed for others do not count', () => {
  const many = (length: number, relayed: boolean) => Array.from({ length }, (_, client) => owned(client, 'ada', relayed))
  expect(ask('ada', 9_000, { clients: many(4_999, false) }).type).toBe('own')
  expect(ask('ada', 9_000, { clients: many(5_000, false) })).toMatchObject({ type: 'refused', error: { code: 'too_large' } })
  expect(ask('ada', 9_000, { clients: many(6_000, true) }).type).toBe('own')
})
