/**
 * Ids that the same entry gets again whenever it is imported, so that nothing is imported twice. The first half of an id tells who
 * it is (what the other program calls the entry, or name and address), the second half what the file said of it. Both halves can be
 * read off the ids that are stored, so a second run knows without any further record what the first one made, in whatever order
 * the file is by then:
 *
 * - One entry in the file with this identity: it is known if any id with that first half is stored, though it may say other things.
 * - Several that say different things: each stands for itself, and is known only by its whole id.
 *
 * UUIDs of version 8 (RFC 9562, section 5.8) from SHA-256. Case, width and blanks make no difference.
 */
import { hash } from 'node:crypto'
import { SyncError } from '@rapport/shared/errors.ts'
import { parseRecordId, type RecordId, type Tenant } from '@rapport/shared/ids.ts'
import type { Signs } from './draft.ts'
import type { SourceRecord } from './source.ts'
import type { ImportedType } from './target.ts'
import { fold } from './values.ts'

export interface Identity {
  /** 60 bits that tell who it is, as the first half of the id. */
  readonly who: string
  /** 62 bits that tell what is said, as the second half. */
  readonly what: string
}

export function identityOf(tenant: Tenant, { source, recordType, facts }: SourceRecord, signs: Signs): Identity {
  const said = facts.map(({ column, value }) => `${fold(column)}\0${fold(value)}`).sort()
  const what = digest(said)
  return { who: firstHalf(tenant, recordType, whoIs(source, signs, what)), what: secondHalf(what) }
}

/** Of a company of which only the name is known. */
export function companyIdentity(tenant: Tenant, name: string): Identity {
  return { who: firstHalf(tenant, 'account', ['name', fold(name)]), what: secondHalf(digest(['company', fold(name)])) }
}

export function idOf({ who, what }: Identity): RecordId {
  const id = parseRecordId(`${who}-${what}`)
  if (id === undefined) throw new SyncError('internal', 'an id was made that is none')
  return id
}

/** Whom an id stands for; `undefined` for one that no import has made. */
export function whoOf(id: RecordId): string | undefined {
  return IMPORTED.exec(id)?.[1]
}

const IMPORTED = /^([0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3})-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

function whoIs(source: string, { id, name, email, phone }: Signs, what: string): readonly string[] {
  if (id !== '') return ['id', source, id]
  if (email !== '') return ['email', name, fold(email)]
  return phone === '' ? ['content', what] : ['phone', name, phone.replaceAll(/[^\d+]/g, '')]
}

function digest(parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts))
}

function firstHalf(tenant: Tenant, type: ImportedType, who: readonly string[]): string {
  const hex = digest(['rapport import', tenant, type, ...who])
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(12, 15)}`
}

function secondHalf(hex: string): string {
  const variant = '89ab'[Number.parseInt(hex.slice(0, 1), 16) & 3]
  return `${variant}${hex.slice(1, 4)}-${hex.slice(4, 16)}`
}
