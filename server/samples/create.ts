/**
 * Gives an empty database its samples, through the room like any other edit. A record that is there already, from a start that
 * was killed in between, is left as it is; a database that holds anything else gets none.
 */
import { SyncError, toSyncError } from '@rapport/shared/errors.ts'
import { parseRecordId, parseTenant, type RecordKey } from '@rapport/shared/ids.ts'
import { account } from '@rapport/shared/records/account.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { opportunity } from '@rapport/shared/records/opportunity.ts'
import { writeContent } from '@rapport/shared/schema/edit.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import type * as Y from 'yjs'
import { serverPrincipal } from '../auth/tokens.ts'
import type { Registry } from '../document/registry.ts'
import type { UpdateLog } from '../log/update-log.ts'
import { type Sample, sampleAccounts, sampleContacts, sampleOpportunities } from './data.ts'

const TENANT = 'demo'

interface Planned {
  readonly key: RecordKey
  readonly write: (document: Y.Doc) => void
}

/** Returns how many records were created. */
export async function createSamples(registry: Registry, updateLog: Pick<UpdateLog, 'page' | 'hasOthers'>): Promise<number> {
  const planned = [...plan(account, sampleAccounts), ...plan(contact, sampleContacts), ...plan(opportunity, sampleOpportunities)]
  const present = await presentIds(updateLog, planned)
  const ids = new Set<string>(planned.map(({ key }) => key.id))
  const [first] = planned
  if (first === undefined || present.some((id) => !ids.has(id)) || (await updateLog.hasOthers(first.key.tenant))) return 0
  const missing = planned.filter(({ key }) => !present.includes(key.id))
  for (const sample of missing) await create(registry, sample)
  return missing.length
}

function plan<T extends RecordType>(type: T, samples: readonly Sample<T>[]): Planned[] {
  return samples.map(({ id, content }) => ({
    key: keyOf(type.name, id),
    write: (document) => writeContent(type, document, content),
  }))
}

function keyOf(type: string, text: string): RecordKey {
  const [tenant, id] = [parseTenant(TENANT), parseRecordId(text)]
  if (tenant === undefined || id === undefined) throw new SyncError('internal', 'a sample has an invalid id')
  return { tenant, type, id }
}

/** One more than the samples of a type, so that a foreign record among them shows. */
async function presentIds(updateLog: Pick<UpdateLog, 'page'>, planned: readonly Planned[]): Promise<RecordKey['id'][]> {
  const ids: RecordKey['id'][] = []
  for (const [type, samples] of Map.groupBy(planned, ({ key }) => key.type)) {
    const [first] = samples
    if (first !== undefined) ids.push(...(await updateLog.page(first.key.tenant, type, '', samples.length + 1)))
  }
  return ids
}

async function create(registry: Registry, { key, write }: Planned): Promise<void> {
  try {
    const room = await registry.acquire(key)
    await room.edit(serverPrincipal(key.tenant), write).finally(() => registry.release(room))
  } catch (thrown) {
    // Erased: its id stays dead, for samples too.
    if (toSyncError(thrown).code !== 'gone') throw thrown
  }
}
