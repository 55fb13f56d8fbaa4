/**
 * Two writes of one key of which neither had seen the other: which of them holds where the field declares a rule, and the row that
 * remembers the other one (P5). A later piece of a losing chain takes its row over; whoever builds on a recorded loser, or has
 * seen it, and wins makes the row void.
 */

import type { Author } from '@rapport/shared/ids.ts'
import { parseEntryKey } from '@rapport/shared/schema/layout.ts'
import { CUSTOM_FIELD, own } from '@rapport/shared/schema/record-type.ts'
import type { Register } from '@rapport/shared/schema/register.ts'
import type { Conflict, ItemId } from '../log/findings.ts'
import type { Court } from './court.ts'
import { isSameWrite, type Value, type Write } from './ledger.ts'
import type { Standing } from './standing.ts'
import type { KeyTouch } from './touched.ts'

/** Whether the candidate holds, by the rule that its register declares; `undefined` where it declares none, or that says nothing. */
export function settledBy(court: Court, { root, key }: KeyTouch, candidate: Standing, standing: Standing): boolean | undefined {
  const register = registerOf(court, root, key)
  if (register?.merge === undefined) return undefined
  if (register.merge === 'max' || register.merge === 'min') {
    const order = compareValues(register, candidate.value, standing.value)
    return order === 0 ? undefined : order > 0 === (register.merge === 'max')
  }
  const [mine, theirs] = [isCrm(court, candidate.write), isCrm(court, standing.write)]
  return mine === theirs ? undefined : mine === (register.merge === 'crm-wins')
}

/** It holds: rows of what it builds on, or of what its own client had written or seen before, are void. */
export function noteWinner(court: Court, path: readonly string[], winner: Standing, seen: Write): void {
  const { ledger } = court
  for (const conflict of superseded(court, path, winner.write, seen)) ledger.withdraw(conflict)
  const client = winner.write?.client
  if (client === undefined || !ledger.hasBuilt(client)) return
  for (const conflict of [...ledger.conflictsAt(path)])
    if (ledger.hasBuiltOn(client, conflict.replaced.item)) ledger.withdraw(conflict)
}

export function noteLoser(court: Court, path: readonly string[], loser: Standing, winner: Standing, seen: Write): void {
  if (loser.write === undefined || winner.write === undefined || !hasConflicts(court, path)) return
  const [first, ...more] = superseded(court, path, loser.write, seen)
  for (const conflict of more) court.ledger.withdraw(conflict)
  if (loser.value === winner.value) {
    if (first !== undefined) court.ledger.withdraw(first)
    return
  }
  const sideOf = (write: ItemId, value: Value) => ({ item: write, value, author: authorOf(court, write) })
  court.ledger.putConflict({
    id: first?.id ?? court.newId(),
    path,
    kept: sideOf(winner.write, winner.value),
    replaced: sideOf(loser.write, loser.value),
  })
}

/** Rows whose loser the write descends from: it stands in its origin, or the same client made it before. */
function superseded({ ledger }: Court, path: readonly string[], write: Write, seen: Write): readonly Conflict[] {
  // The server writes for many people under one id.
  const client = write === undefined || ledger.isServer(write.client) ? undefined : write.client
  const clients = new Set([client, seen?.client].filter((one) => one !== undefined))
  return ledger
    .lostBy(path, clients)
    .filter(
      ({ replaced }) =>
        isSameWrite(replaced.item, seen) || (replaced.item.client === client && !isSameWrite(replaced.item, write)),
    )
}

/** Set members are there or not; the place of an entry is no statement that somebody would want to see again. */
function hasConflicts(court: Court, path: readonly string[]): boolean {
  const [root = '', , column] = path
  return root === 'fields' || (own(court.type.roots, root)?.kind === 'collection' && column !== 'order')
}

function registerOf({ type }: Court, root: string, key: string): Register | undefined {
  if (root === 'fields') return CUSTOM_FIELD.test(key) ? undefined : own(type.fields, key)
  const declared = own(type.roots, root)
  const place = declared?.kind === 'collection' ? parseEntryKey(key) : undefined
  return declared?.kind === 'collection' && place !== undefined ? own(declared.columns, place.column) : undefined
}

/** As of the write's own time, where that is known: somebody's role may be another one by now. */
function authorOf({ ledger, author }: Court, write: ItemId): Author {
  const owner = ledger.authorOf(write)
  return owner.sub === author.sub ? author : owner
}

function isCrm(court: Court, write: Write): boolean {
  return write !== undefined && authorOf(court, write).role === 'crm'
}

/** Negative if the first is less; empty is less than anything. */
function compareValues({ kind }: Register, one: Value, other: Value): number {
  if (one === null || other === null) return Number(one !== null) - Number(other !== null)
  if (kind === 'money') {
    const [left, right] = [scaled(String(one)), scaled(String(other))]
    return left < right ? -1 : left > right ? 1 : 0
  }
  return one < other ? -1 : one > other ? 1 : 0
}

/** Decimals are compared exactly: in ten-thousandths, which is all that money has. */
function scaled(text: string): bigint {
  const [whole = '0', decimals = ''] = text.split('.')
  const amount = BigInt(`${whole}${decimals.padEnd(4, '0').slice(0, 4)}`)
  return amount
}
