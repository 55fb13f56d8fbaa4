/**
 * Whose a Yjs client id is: in a record it belongs to whoever first wrote with it, or announced it in presence. What comes under an id of
 * somebody else is not taken on a stranger's word: a forger could otherwise write in another's name, or use up the clocks that
 * the other's own edits will need.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import * as Y from 'yjs'
import { authorOf, type Principal } from '../auth/principal.ts'
import type { ItemId } from '../log/findings.ts'
import type { Ledger } from './ledger.ts'
import type { ClockRange, ScannedUpdate } from './pre-scan.ts'

/** Ids of one person in one record; each costs every later edit of the record a little. An honest person has one a start of the app. */
const MOST_IDS = 5_000

export type Ownership =
  /** What is nobody's yet becomes the sender's, or comes through it. */
  | { readonly type: 'own'; readonly bind: readonly Binding[] }
  | { readonly type: 'foreign'; readonly awaits: readonly ItemId[] }
  | { readonly type: 'refused'; readonly error: SyncError }

export interface Binding {
  readonly client: number
  readonly relayed: boolean
}

export interface IdQuestion {
  readonly document: Y.Doc
  readonly ledger: Ledger
  readonly principal: Principal
  /** Whole, if it is judged in parts. */
  readonly update: ScannedUpdate
  /** Other people's items count as relayed. */
  readonly relayed: boolean
  /** The subject that announced an id and has not written with it; after a restore others may have brought its items. */
  readonly presenceOwner: (client: number) => string | undefined
}

export function whoseIds({ document, ledger, principal, update, relayed, presenceOwner }: IdQuestion): Ownership {
  const { sub } = principal
  const awaits: ItemId[] = []
  const bind: Binding[] = []
  let seen = -1
  for (const range of update.structs) {
    const { client } = range
    if (!isNews(document, range)) continue
    const owner = ledger.ownerOf(client)
    const holder = owner === undefined || owner.relayed ? presenceOwner(client) : owner.owner.sub
    if (holder === sub || (holder === undefined && !relayed)) {
      if ((owner === undefined || owner.relayed) && client !== seen) bind.push({ client, relayed: false })
    } else if (!relayed) awaits.push({ client, clock: range.end })
    else if (owner === undefined && holder === undefined && client !== seen) bind.push({ client, relayed: true })
    seen = client
  }
  if (awaits.length > 0) return { type: 'foreign', awaits }
  if (bind.length > 0 && !relayed && ledger.idsOf(sub) + bind.length > MOST_IDS)
    return { type: 'refused', error: new SyncError('too_large', 'one person has too many client ids in this record') }
  return { type: 'own', bind }
}

export function bindIds(ledger: Ledger, principal: Principal, bindings: readonly Binding[]): void {
  for (const { client, relayed } of bindings) ledger.bind({ client, owner: authorOf(principal), relayed })
}

function isNews(document: Y.Doc, { client, end }: ClockRange): boolean {
  return end > Y.getState(document.store, client)
}
