/**
 * Judges one submission in the middle of the judge's transaction: may it come at all, whose are its client ids, and, once it is
 * applied, what of that stays. Keys, texts and places where nothing may be are each judged by themselves; the permitted rest of
 * the same submission stays.
 */
import { type Issue, SyncError } from '@rapport/shared/errors.ts'
import { own, type RecordType } from '@rapport/shared/schema/record-type.ts'
import * as Y from 'yjs'
import { authorOf } from '../auth/principal.ts'
import { bindIds, whoseIds } from './client-ids.ts'
import type { Court } from './court.ts'
import { judgeKey } from './key-judgement.ts'
import type { Ledger } from './ledger.ts'
import { neighboursFit } from './neighbours.ts'
import { withoutKnownParts } from './overlap.ts'
import { mayWrite, mayWriteField, mayWriteIn, type Policy, type Relation, relationOf } from './policy.ts'
import { type ClockRange, hasGap, type Known, type ScannedUpdate } from './pre-scan.ts'
import { SERVER, senderOf } from './sender.ts'
import type { ServerClient } from './server-client.ts'
import { deletionsOf, type ServerPen } from './server-pen.ts'
import { depthWithin } from './struct-list.ts'
import type { EditSubmission, Ground, UpdateSubmission, Verdict } from './submission.ts'
import { judgeText } from './text-judgement.ts'
import { pairsCutBy } from './text-pairs.ts'
import { bringers, itemsBetween, type KeyTouch, markBefore, type Touched, touchedSince } from './touched.ts'

/** What all submissions of an entry are judged with. */
export interface Bench {
  readonly document: Y.Doc
  readonly transaction: Y.Transaction
  readonly type: RecordType
  readonly policy: Policy
  readonly ledger: Ledger
  readonly pen: ServerPen
  readonly server: ServerClient
  readonly presenceOwner: (client: number) => string | undefined
  readonly newId: () => string
  /** The entry holds more than what was submitted. */
  readonly alter: () => void
}

/** Levels of shared types in a document: Yjs, and whatever reads it, goes down by recursion. */
const MOST_LEVELS = 64
/** Roots of a document, those included that no type declares: Yjs looks through all of them whenever it writes. */
const MOST_ROOTS = 256

const NOTHING: readonly ClockRange[] = []
const ADMITTED: Verdict = { type: 'admitted', issues: [] }
const KNOWN: Verdict = { type: 'known' }
const GAP: Verdict = { type: 'gap' }
const TOO_DEEP: Verdict = { type: 'refused', error: new SyncError('refused', 'shared types nest too deep') }
const MISPLACED: Verdict = { type: 'refused', error: new SyncError('refused', 'content stands between what lies apart') }
const TOO_MANY_ROOTS: Verdict = { type: 'refused', error: new SyncError('refused', 'the record has too many roots') }
const FORBIDDEN: Verdict = { type: 'refused', error: new SyncError('forbidden', 'this role may not write in this record') }
const MOVED_ON: Verdict = { type: 'refused', error: new SyncError('stale', 'this conflict is not what it was any more') }

export function judgeUpdate(bench: Bench, submission: UpdateSubmission): Verdict {
  const { document, transaction, ledger, type } = bench
  const { principal, update, whole = update } = submission
  const known = { clock: (client: number) => Y.getState(document.store, client) }
  const clients = bringers(update, document)
  const relation = relationTo(document, submission)
  if (!mayWriteIn(principal, type.name, relation, bench.policy)) {
    // A reader's client answers our question for its content like any other; what we hold already is no offence. Nor is it
    // that Yjs, in every replica for itself, deletes formatting that has no effect any more; but nothing comes of it here.
    const offends = clients.size > 0 || update.deletes.some((range) => !isIdle(document, range))
    return offends ? FORBIDDEN : KNOWN
  }
  if ((whole !== update && leansOnMore(whole, known)) || hasGap(update, known)) return GAP
  if (!depthWithin(update, document, MOST_LEVELS)) return TOO_DEEP
  if (!neighboursFit(update, document, whole.deletes)) return MISPLACED
  if (document.share.size + update.roots.size > MOST_ROOTS && addsRoots(document, update)) return TOO_MANY_ROOTS
  const relayed = submission.relayed === true || ledger.restored
  const ownership = whoseIds({ document, ledger, principal, update: whole, relayed, presenceOwner: bench.presenceOwner })
  if (ownership.type === 'foreign') return ownership
  if (ownership.type === 'refused') return ownership
  bench.server.beware(update, known)

  const before = markBefore(document, transaction, clients)
  const deletions = deletionsOf(transaction)
  const cuts = pairsCutBy(update, document)
  Y.applyUpdate(document, withoutKnownParts(update, document).bytes, judgeUpdate)
  bindIds(ledger, principal, ownership.bind)
  const touched = touchedSince(type, document, transaction, before)
  const court = convene(bench, touched, {
    principal,
    relation,
    via: 'socket',
    sender: senderOf(submission.vector, whole),
    unfinished: submission.unfinished === true,
    leaving: submission.unfinished === true ? whole.deletes : NOTHING,
    unseen: NOWHERE,
    cuts,
  })
  const changed = clients.size > 0 || deletionsOf(transaction) > deletions
  const cleared = judgeTouched(court, touched)
  if (!changed && !cleared) return KNOWN
  return court.issues.length === 0 ? ADMITTED : { type: 'admitted', issues: court.issues }
}

/** Large updates that were found whole once: what is judged in many parts is looked through with the first. */
const wholes = new WeakSet<ScannedUpdate>()

function leansOnMore(whole: ScannedUpdate, known: Known): boolean {
  if (wholes.has(whole)) return false
  if (hasGap(whole, known)) return true
  wholes.add(whole)
  return false
}

const relations = new WeakMap<ScannedUpdate, Relation>()

/** All parts of an update are its author's as he stood to the record when it began, even if one of them gives the record away. */
function relationTo(document: Y.Doc, { principal, update, whole = update, continued }: UpdateSubmission): Relation {
  const begun = continued === true ? relations.get(whole) : undefined
  const relation = begun ?? relationOf(principal, document.getMap('fields').get('owner'))
  if (whole !== update) relations.set(whole, relation)
  return relation
}

function addsRoots(document: Y.Doc, { roots }: ScannedUpdate): boolean {
  return [...roots].some((root) => !document.share.has(root))
}

/** Of an edit by the server on somebody's behalf: what it may write was settled by its precondition, on this very state. */
export function judgeEdit(bench: Bench, submission: EditSubmission, ground: Ground): Verdict {
  const { document, transaction, type, ledger } = bench
  const { principal, precondition, change, via, settles, absorbs } = submission
  if (!mayWrite(principal, bench.policy)) return FORBIDDEN
  // It comes before the right to write here: it knows who may not even be told that the record is there.
  const error = precondition?.(ground)
  if (error !== undefined) return { type: 'refused', error }
  const relation = relationOf(principal, document.getMap('fields').get('owner'))
  if (!mayWriteIn(principal, type.name, relation, bench.policy)) return FORBIDDEN
  // What it would write is the value that was seen then: over a later one of the same author it would hide that for good.
  if (settles !== undefined && !ledger.replaces(settles)) return MOVED_ON
  const before = markBefore(document, transaction, [bench.server.claim(document)])
  if (!bench.pen.write(authorOf(principal), () => change(document))) return KNOWN
  bench.alter()
  const touched = touchedSince(type, document, transaction, before)
  const absorption = absorbs?.()
  const unseen = placesIn(absorption?.unseen ?? [])
  const given = { principal, relation, via, sender: SERVER, unfinished: false, leaving: NOTHING, unseen, cuts: [] }
  const court = convene(bench, touched, given)
  judgeTouched(court, touched)
  if (court.issues.length > 0)
    throw new SyncError('invalid', 'the content does not fit the record type', { issues: court.issues })
  if (settles !== undefined) ledger.settle(settles.id, settles.status)
  if (absorption !== undefined) ledger.absorb(absorption.changes)
  return ADMITTED
}

const NOWHERE = (): boolean => false

function placesIn(paths: readonly (readonly string[])[]): Court['unseen'] {
  const places = new Set(paths.map((path) => JSON.stringify(path)))
  return places.size === 0 ? NOWHERE : (path) => places.has(JSON.stringify(path))
}

function convene(
  { document, transaction, type, policy, ledger, newId, alter, pen }: Bench,
  touched: Touched,
  given: Pick<Court, 'principal' | 'relation' | 'via' | 'sender' | 'unfinished' | 'leaving' | 'unseen' | 'cuts'>,
): Court {
  const issues: Issue[] = []
  const author = authorOf(given.principal)
  return {
    ...given,
    ...{ document, transaction, type, policy, ledger, touched, author, newId, alter, issues },
    show: pen.show,
    writeAsServer: (write) => pen.write(author, write),
    refuse: (path, code) => issues.push({ path, code }),
  }
}

/** True if something was cleared that the submission did not touch by itself. */
function judgeTouched(court: Court, touched: Touched): boolean {
  for (const touch of touched.keys) judgeKey(court, touch)
  for (const [name, items] of touched.texts) judgeTextRoot(court, name, items)
  for (const { root, item } of touched.strays) {
    if (court.via !== 'socket') continue
    if (!item.deleted) item.delete(court.transaction)
    court.alter()
    if (!court.issues.some(({ path }) => path[0] === root)) court.refuse([root], 'unknown_field')
  }
  return judgeStandIns(court, touched)
}

function judgeTextRoot(
  court: Court,
  name: string,
  items: { readonly inserted: readonly Y.Item[]; readonly deleted: readonly Y.Item[] },
): void {
  const { document, transaction, principal, type, relation, writeAsServer, author, via } = court
  const root = own(type.roots, name)
  if (root?.kind !== 'text' && root?.kind !== 'richText') return
  const permitted = via !== 'socket' || mayWriteField(principal, type.name, relation, name, '', court.policy)
  const { cuts, leaving } = court
  const finding = judgeText({ document, transaction, permitted, cuts, leaving, writeAsServer }, { name, root, ...items })
  for (const { path, code } of finding.issues) court.refuse(path, code)
  if (finding.compensated) court.alter()
  const { before, after } = finding
  if (before === '' && after === '') return
  const client = items.inserted[0]?.id.client
  const device = via === 'socket' && client !== undefined ? String(client) : null
  court.ledger.change({ path: [name], before, after, author, device, via, item: undefined })
}

/** Keys that the server shows by items which the sender lacked: it may have deleted what it saw there. */
function judgeStandIns(court: Court, touched: Touched): boolean {
  const { document, sender } = court
  let cleared = false
  // What the sender wrote there last may be in a part that is still to come.
  if (court.unfinished || !sender.deletesAny) return cleared
  for (const carrier of standInsMeant(court)) {
    if (sender.holds(carrier.id) === true) continue
    const touch = touchOf(document, court.type, carrier)
    if (touch === undefined || touched.keys.some(({ map, key }) => map === touch.map && key === touch.key)) continue
    judgeKey(court, touch)
    cleared ||= document.getMap(touch.root)._map.get(touch.key) !== carrier
  }
  return cleared
}

/** Those that carry a key of which the sender names a deletion, or of which a sender's whole set of deletions may name one. */
function* standInsMeant({ document, ledger, sender }: Court): Iterable<Y.Item> {
  if (sender.named === undefined) {
    for (const id of ledger.standIns()) {
      const item = Y.getItem(document.store, Y.createID(id.client, id.clock))
      if (item instanceof Y.Item && item.parentSub !== null && item.right === null && !item.deleted) yield item
      else ledger.forget(id)
    }
    return
  }
  const seen = new Set<Y.Item>()
  for (const { client, start, end } of ledger.hasStandIns ? sender.named : []) {
    for (const { parent, parentSub } of itemsBetween(document, client, start, end)) {
      if (parentSub === null || !(parent instanceof Y.AbstractType)) continue
      const carrier = parent._map.get(parentSub)
      if (carrier === undefined || seen.has(carrier) || !ledger.isStandIn(carrier.id)) continue
      seen.add(carrier)
      yield carrier
    }
  }
}

function touchOf(document: Y.Doc, type: RecordType, { parent, parentSub }: Y.Item): KeyTouch | undefined {
  for (const root of ['fields', ...Object.keys(type.roots), 'meta']) {
    if (parentSub !== null && document.share.get(root) === parent)
      return { root, map: document.getMap(root), key: parentSub, items: [] }
  }
  return undefined
}

/** Whether all of a range is known, and either deleted already or formatting. */
function isIdle(document: Y.Doc, { client, start, end }: ClockRange): boolean {
  const structs = document.store.clients.get(client)
  if (structs === undefined || end > Y.getState(document.store, client)) return false
  for (let index = Y.findIndexSS(structs, start); index < structs.length; index += 1) {
    const struct = structs[index]
    if (struct === undefined || struct.id.clock >= end) break
    if (!struct.deleted && !(struct instanceof Y.Item && struct.content instanceof Y.ContentFormat)) return false
  }
  return true
}
