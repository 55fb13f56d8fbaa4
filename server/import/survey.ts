/**
 * The first pass over a file. It writes nothing and finds out what the second one must know from the start: who is in the file
 * more than once, and how dates are written.
 */
import type { Tenant } from '@rapport/shared/ids.ts'
import { own } from '@rapport/shared/schema/record-type.ts'
import { type Draft, draftOf } from './draft.ts'
import { type Identity, identityOf } from './identity.ts'
import { type FileReading, readFile } from './reading.ts'
import { Sightings } from './sightings.ts'
import type { Assignment, SourceRecord } from './source.ts'
import { importedTypes } from './target.ts'
import { AMBIGUOUS_DATE, type DateOrder, orderOfDate } from './values.ts'

export interface Survey {
  readonly sightings: Sightings
  /** How dates are to be read that could be read in two ways; `undefined` where nothing says so. */
  readonly order: DateOrder | undefined
  /** Whether it was the file's own other dates that say so. */
  readonly orderProved: boolean
}

/** An entry, read. */
export interface Entry {
  readonly line: number
  readonly draft: Draft
  readonly identity: Identity
}

export interface Surveying {
  readonly path: string
  readonly tenant: Tenant
  readonly dates: DateOrder | undefined
  readonly signal: AbortSignal
  readonly onBytes: (bytesRead: number) => void
}

export async function survey(reading: FileReading, { path, tenant, dates, signal, onBytes }: Surveying): Promise<Survey> {
  const sightings = new Sightings()
  // Nothing is kept of what is drafted here, so its entries need no names that others would not have.
  let named = 0
  const newId = (): string => `e${named++}`
  const orders = new Set<DateOrder>()
  let unclear = false
  await readFile(path, reading, (items, bytesRead) => {
    signal.throwIfAborted()
    for (const item of items) {
      if (item.type === 'broken') continue
      const entry = entryOf(item, tenant, undefined, newId)
      if (typeof entry === 'string') continue
      sightings.note(entry.identity, item.line)
      unclear ||= entry.draft.moved.some(({ reason }) => reason === AMBIGUOUS_DATE)
      for (const assignment of item.assignments) {
        const order = isDate(item, assignment) ? orderOfDate(assignment.value.trim()) : undefined
        if (order !== undefined) orders.add(order)
      }
    }
    onBytes(bytesRead)
  })
  const [proved] = orders
  const single = orders.size === 1 ? proved : undefined
  return { sightings, order: dates ?? single, orderProved: unclear && dates === undefined && single !== undefined }
}

/** Or why there is nobody. */
export function entryOf(record: SourceRecord, tenant: Tenant, order: DateOrder | undefined, newId: () => string): Entry | string {
  const drafted = draftOf(record, order, newId)
  if (drafted.type === 'nobody') return drafted.reason
  const { draft } = drafted
  return { line: record.line, draft, identity: identityOf(tenant, record, draft.signs) }
}

function isDate({ recordType }: SourceRecord, { target }: Assignment): boolean {
  return target.type === 'field' && own<{ readonly kind: string }>(importedTypes[recordType].fields, target.name)?.kind === 'date'
}
