/**
 * What must hold of a run: P1 at any moment without a rollback under way, P3 and completeness when everything has come to rest.
 */
import * as Y from 'yjs'
import { type StoredRecord, updatesOf } from '../../server/log/entry.ts'
import { contentOf, takeIn } from './oracle.ts'
import type { Scenario, Subject } from './scenario.ts'

/** P1, by a fresh look at the store: what was acknowledged is there. */
export async function checkAcknowledged(scenario: Scenario): Promise<void> {
  const { stale } = scenario
  if ([...stale].some((instance) => !instance.dead)) return
  for (const subject of scenario.subjects) {
    const stored = await storedDocument(scenario, subject)
    if (stale.size > 0) forget(subject, stored)
    for (const { acknowledged, document } of subject.clients) {
      const held = Y.getState(stored.store, document.clientID)
      if (held < acknowledged) throw new Error(`P1: ${acknowledged} clocks of ${document.clientID} acknowledged, ${held} stored`)
    }
    const tags = stored.getMap('tags')
    for (const mark of subject.acknowledgedEdits)
      if (!tags.has(mark)) throw new Error(`P1: the server's edit ${mark} was acknowledged and is not stored`)
  }
  stale.clear()
}

/** The database went back in time: what it forgot was acknowledged once, and is not any more. */
function forget(subject: Subject, stored: Y.Doc): void {
  for (const client of subject.clients) {
    client.disconnect()
    client.acknowledged = Math.min(client.acknowledged, Y.getState(stored.store, client.document.clientID))
  }
  const tags = stored.getMap('tags')
  subject.acknowledgedEdits = new Set([...subject.acknowledgedEdits].filter((mark) => tags.has(mark)))
}

/** P3 and completeness: every replica holds what the log holds, and nobody honest was turned away or left waiting. */
export async function checkAgreement(scenario: Scenario, when: string): Promise<void> {
  for (const subject of scenario.subjects) {
    const stored = await storedDocument(scenario, subject)
    const expected = JSON.stringify(contentOf(stored))
    for (const client of subject.clients) {
      if (client.wronged) throw new Error(`P10: ${when}, an honest client was refused for good`)
      if (client.banned) continue
      if (client.unsettled !== 0) throw new Error(`P10: ${when}, ${client.unsettled} more submissions sent than settled`)
      const { document } = client
      const content = JSON.stringify(contentOf(document))
      if (content !== expected) throw new Error(`P3: ${when}, a client holds ${content}, the log ${expected}`)
      if (document.store.pendingStructs !== null || document.store.pendingDs !== null)
        throw new Error(`P3: ${when}, a client waits for content that never comes`)
      const written = Y.getState(document.store, document.clientID)
      if (client.echo && client.acknowledged < written)
        throw new Error(`P1: ${when}, ${written} clocks written, ${client.acknowledged} acknowledged`)
    }
    if (scenario.tally.rollbacks === 0) checkMarks(stored)
  }
  for (const [instance, open] of scenario.openEdits)
    if (!instance.dead && open > 0) throw new Error(`${when}, ${open} edits of the server were never answered`)
}

/** P9: no edit of the server was made twice. After a rollback one may be: an instance that showed it may not know it was lost. */
function checkMarks(stored: Y.Doc): void {
  const marks = stored.getText('marks').toJSON().split(';').filter(Boolean)
  if (new Set(marks).size < marks.length) throw new Error(`P9: an edit of the server was made twice: ${marks.join(' ')}`)
}

async function storedDocument(scenario: Scenario, subject: Subject): Promise<Y.Doc> {
  return replay(await scenario.store.load(subject.key))
}

function replay(stored: StoredRecord | undefined): Y.Doc {
  const document = new Y.Doc()
  if (stored !== undefined) takeIn(document, updatesOf(stored))
  return document
}
