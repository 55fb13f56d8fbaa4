/**
 * The record type that judged runs write in, and every place of it that a run may touch: a key of a root map, who may write
 * there, and values that fit or do not. What is permitted is said here once more, by hand, so that a mistake in the product's
 * policy or schema is not repeated by the test that looks for it.
 *
 * Values that fit are drawn by number and are unique in a run, but for an enum and a boolean. Every value that does not fit, or
 * that a rep writes where a rep may not, carries one of `MARKERS` wherever a value of that kind can carry text.
 */
import { collection, recordType, richText, set, text } from '@rapport/shared/schema/record-type.ts'
import type { Scalar } from '@rapport/shared/schema/register.ts'
import {
  boolean,
  date,
  datetime,
  email,
  money,
  number,
  oneOf,
  phone,
  reference,
  string,
  url,
} from '@rapport/shared/schema/register.ts'
import * as Y from 'yjs'

/** In Unicode code points: what a run may write in the summary, longer than all it writes honestly. */
const SUMMARY_LENGTH = 400

export const judgedType = recordType({
  name: 'contact',
  schemaVersion: 1,
  fields: {
    title: string({ maxLength: 40 }),
    name: string({ maxLength: 40, required: true }),
    stage: oneOf(['lead', 'qualified', 'customer', 'former']),
    owner: string({ maxLength: 40 }),
    account: reference('account'),
    birthday: date(),
    seenAt: datetime(),
    website: url(),
    mail: email(),
    telephone: phone(),
    doNotCall: boolean(),
    employees: number({ minimum: 0 }),
    creditLimit: money(),
  },
  roots: {
    summary: text({ maxLength: SUMMARY_LENGTH }),
    notes: richText({ maxLength: 20_000 }),
    tags: set({ maxMembers: 50, maxLength: 40 }),
    emails: collection({ label: string({ maxLength: 40 }), address: email(), primary: boolean() }, { maxEntries: 20 }),
  },
})

/** Bytes that no committed entry may hold. */
export const MARKERS = ['FORBID', '6661231231'].map((text) => Buffer.from(text))

export type Role = 'rep' | 'manager'

/** Values as a document can hold them, nested types included. */
type Raw = (n: number) => unknown

export interface Place {
  readonly root: string
  readonly key: string
  readonly path: readonly string[]
  /** `register`: P5 holds. `order`: as a register, without conflicts. `member`: there or not. `nowhere`: no value is permitted. */
  readonly kind: 'register' | 'order' | 'member' | 'nowhere'
  /** A rep's value, or clear, has no effect. */
  readonly managersOnly: boolean
  readonly required: boolean
  /** A value of the right form; of `nowhere`, one that might be. */
  readonly fits: Raw
  /** The same where a rep writes it and may not. */
  readonly forbidden: Raw
  readonly misfits: readonly Raw[]
}

const marked: Raw = (n) => `FORBID ${n}!`
const SHAPELESS: readonly Raw[] = [
  (n) => ({ FORBID: n }),
  (n) => [`FORBID${n}`],
  (n) => new Y.Map([['inner', `FORBID${n}`]]),
  (n) => new Y.Text(`FORBID${n}`),
  (n) => Y.Array.from([`FORBID${n}`]),
  (n) => BigInt(n),
  () => Number.NaN,
]
const tooLong: Raw = (n) => `FORBID${n}${'x'.repeat(60)}`
const unstorable: Raw = (n) => `FORBID${n}\0`
const day = (n: number): string => new Date(Date.UTC(1950, 0, 1 + n)).toISOString()

function place(root: string, key: string, fits: Raw, misfits: readonly Raw[], rules: Partial<Place> = {}): Place {
  const base = { root, key, path: [root, ...key.split('/')], kind: 'register', managersOnly: false, required: false } as const
  return { ...base, fits, forbidden: fits, misfits: [...misfits, ...SHAPELESS], ...rules }
}

function nowhere(root: string, key: string): Place {
  return place(root, key, (n) => `FORBID${n}`, [], { kind: 'nowhere', path: [root, key] })
}

const member = (key: string): Place =>
  place('tags', key, () => true, [marked, () => false, (n) => n], { kind: 'member', path: ['tags', key] })

const flag = (n: number): boolean => n % 2 === 0

export const PLACES: readonly Place[] = [
  place('fields', 'title', (n) => `title ${n}`, [tooLong, unstorable, (n) => n]),
  place('fields', 'name', (n) => `name ${n}`, [tooLong, unstorable, () => ' '], { required: true }),
  place('fields', 'stage', (n) => judgedType.fields.stage.members[n % 4], [marked]),
  place('fields', 'owner', (n) => `owner ${n}`, [tooLong, unstorable], { managersOnly: true, forbidden: marked }),
  place('fields', 'account', (n) => `account-${n}`, [marked]),
  place('fields', 'birthday', (n) => day(n).slice(0, 10), [marked, () => '2023-02-30']),
  place('fields', 'seenAt', day, [marked, (n) => day(n).replace('Z', '+01:00')]),
  place('fields', 'website', (n) => `https://example.org/${n}`, [marked, (n) => `javascript:FORBID${n}`]),
  place('fields', 'mail', (n) => `a${n}@example.org`, [marked]),
  place('fields', 'telephone', (n) => `+49 30 ${1000 + n}`, [marked]),
  place('fields', 'doNotCall', flag, [marked, () => 1]),
  place('fields', 'employees', (n) => n, [marked, (n) => -1 - n, () => Number.POSITIVE_INFINITY]),
  place('fields', 'creditLimit', (n) => `${n}.25`, [marked], {
    managersOnly: true,
    forbidden: (n) => `6661231231${n}.25`,
  }),
  place('fields', 'x_color', (n) => `color ${n}`, [unstorable]),
  place('fields', 'x_rank', (n) => n, [unstorable]),
  place('emails', 'work/address', (n) => `w${n}@example.org`, [marked]),
  place('emails', 'work/label', (n) => `label ${n}`, [tooLong, unstorable]),
  place('emails', 'work/deleted', (n) => (n % 3 > 0 ? true : null), [marked, (n) => n]),
  place('emails', 'home/order', (n) => `a${n}`, [unstorable, (n) => n], { kind: 'order' }),
  place('emails', 'home/primary', flag, [marked]),
  member('vip'),
  member('late payer'),
  member('constructor'),
  nowhere('fields', 'nickname'),
  nowhere('fields', 'x_Upper'),
  nowhere('fields', '__proto__'),
  nowhere('meta', 'createdBy'),
  nowhere('meta', 'evil'),
  nowhere('emails', 'work/colour'),
  nowhere('emails', 'noEntry'),
  nowhere('emails', 'bad id/address'),
  nowhere('tags', ' '),
  nowhere('tags', '__proto__'),
  nowhere('evil', 'key'),
]

export const isClearable = ({ kind, required }: Place): boolean => kind !== 'nowhere' && !required

/** Equality of what a key shows: nothing and null are the same emptiness. */
export function shows(value: unknown): Scalar | null {
  return (value ?? null) as Scalar | null
}
