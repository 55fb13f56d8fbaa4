/** The record types that ship, by name. A new type is a file beside this one and a line in this list. */
import { SyncError } from '../errors.ts'
import { own, type RecordType } from '../schema/record-type.ts'
import { account } from './account.ts'
import { contact } from './contact.ts'
import { opportunity } from './opportunity.ts'

export const recordTypes = { account, contact, opportunity } as const

/** `undefined` for a name under which no type ships. */
export function recordTypeOf(name: string): RecordType | undefined {
  return own<RecordType>(recordTypes, name)
}

/** Throws `not_found` for a name under which no type ships. */
export function requireType(name: string): RecordType {
  const type = recordTypeOf(name)
  if (type === undefined) throw new SyncError('not_found', 'no such record type')
  return type
}
