/** A live record before the judge, without log or room: every judgement counts as committed at once. */
import { randomUUID } from 'node:crypto'
import type { Clock } from '@rapport/shared/clock.ts'
import type { RecordId, Tenant } from '@rapport/shared/ids.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import * as Y from 'yjs'
import { type Judgement, judge } from '../../../server/access/judge.ts'
import { Ledger } from '../../../server/access/ledger.ts'
import { shippedPolicy } from '../../../server/access/policy.ts'
import { preScan } from '../../../server/access/pre-scan.ts'
import { createServerClient } from '../../../server/access/server-client.ts'
import type { Submission } from '../../../server/access/submission.ts'
import type { Principal, Role } from '../../../server/auth/principal.ts'
import { ORIGIN, type Position } from '../../../server/log/entry.ts'
import { EMPTY_LEDGER, type Findings } from '../../../server/log/findings.ts'

export function principal(sub: string, role: Role = 'manager'): Principal {
  return { tenant: 't' as Tenant, sub, roles: [role], teams: [], expiresAt: Number.POSITIVE_INFINITY } as unknown as Principal
}

export interface Courtroom {
  readonly document: Y.Doc
  readonly ledger: Ledger
  /** All that was committed, in order. */
  readonly entries: { readonly update: Uint8Array; readonly findings: Findings }[]
  judge(...submissions: Submission[]): Judgement
  /** One update of somebody, as an entry of its own. */
  submit(who: Principal, update: Uint8Array, vector?: Uint8Array): Judgement
  /** Brings a replica in step, and tells what it answers. */
  sync(replica: Y.Doc): void
}

/** `serverId`: what the server's own writes bear. */
export function openCourt(serverId = 1_000_000, type: RecordType = contact): Courtroom {
  const document = new Y.Doc()
  const ledger = new Ledger(EMPTY_LEDGER)
  const entries: { update: Uint8Array; findings: Findings }[] = []
  const server = createServerClient({ random32: () => serverId } as unknown as Clock)
  let position: Position = ORIGIN

  const court: Courtroom = {
    document,
    ledger,
    entries,
    judge(...submissions) {
      const judgement = judge({
        key: { tenant: 't' as Tenant, type: type.name, id: 'r1' as RecordId },
        ...{ type, policy: shippedPolicy, document, ledger, position, submissions, server },
        enough: () => false,
        presenceOwner: () => undefined,
        entryId: randomUUID(),
        newId: randomUUID,
        now: 1_700_000_000_000,
      })
      const { entry } = judgement
      if (entry !== undefined) {
        entries.push(entry)
        position = { sequence: position.sequence + 1, entry: entry.id }
      }
      return judgement
    },
    submit(who, update, vector) {
      const decoded = vector && Y.decodeStateVector(vector)
      return court.judge({ type: 'update', principal: who, update: preScan(update), vector: decoded })
    },
    sync(replica) {
      Y.applyUpdate(replica, Y.encodeStateAsUpdate(document, Y.encodeStateVector(replica)))
    },
  }
  return court
}

/** A stock replica under this client id, and its changes since they were last taken. */
export function openReplica(client: number): { readonly document: Y.Doc; take(): Uint8Array } {
  const document = new Y.Doc()
  document.clientID = client
  let vector = Y.encodeStateVector(document)
  return {
    document,
    take() {
      const update = Y.encodeStateAsUpdate(document, vector)
      vector = Y.encodeStateVector(document)
      return update
    },
  }
}
