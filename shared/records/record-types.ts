/** The record types that ship, by name. A new type is a file beside this one and a line in this list. */
import { own, type RecordType } from '../schema/record-type.ts'
import { account } from './account.ts'
import { contact } from './contact.ts'
import { opportunity } from './opportunity.ts'

export const recordTypes = { account, contact, opportunity } as const

/** `undefined` for a name under which no type ships. */
export function recordTypeOf(name: string): RecordType | undefined {
  return own<RecordType>(recordTypes, name)
}
