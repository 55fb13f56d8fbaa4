/**
 * Names of things, branded so that a string becomes one only by passing its parser. A record is named by tenant, type and id
 * together; the tenant is first everywhere, so that no code path can ask for a record without saying whose it is (P11).
 */
import type { Clock } from './clock.ts'

declare const brand: unique symbol

export type Tenant = string & { readonly [brand]: 'Tenant' }
export type RecordId = string & { readonly [brand]: 'RecordId' }

/** One customer record: the unit of ordering, locking and merging. `type` is the name of a declared record type. */
export interface RecordKey {
  readonly tenant: Tenant
  readonly type: string
  readonly id: RecordId
}

/** Who a change is attributed to: a token's subject and the role it was made in. */
export interface Author {
  readonly sub: string
  readonly role: string
}

const RECORD_ID = /^[A-Za-z0-9_-]{1,128}$/
const TENANT = /^[A-Za-z0-9_.-]{1,64}$/

/** `undefined` unless the text matches `^[A-Za-z0-9_-]{1,128}$`. */
export function parseRecordId(text: string): RecordId | undefined {
  return RECORD_ID.test(text) ? (text as RecordId) : undefined
}

/** `undefined` unless the text is 1 to 64 letters, digits, dots, dashes and underscores. */
export function parseTenant(text: string): Tenant | undefined {
  return TENANT.test(text) ? (text as Tenant) : undefined
}

/** A record's key as one string, for maps and for sorting. NUL cannot occur in any part, so two keys never collide. */
export function keyString(key: RecordKey): string {
  return `${key.tenant}\0${key.type}\0${key.id}`
}

/**
 * A UUID version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, then random bits. Ids made later sort later, to the
 * millisecond.
 */
export function uuidv7(clock: Pick<Clock, 'now' | 'random32'>): RecordId {
  const milliseconds = clock.now().toString(16).padStart(12, '0')
  const hex = (digits: number): string => clock.random32().toString(16).padStart(8, '0').slice(0, digits)
  const variant = (8 + (clock.random32() & 3)).toString(16)
  const text = `${milliseconds.slice(0, 8)}-${milliseconds.slice(8)}-7${hex(3)}-${variant}${hex(3)}-${hex(8)}${hex(4)}`
  return text as RecordId
}
