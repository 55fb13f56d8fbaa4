/** Outlook: the CSV export of the desktop program, of outlook.com, and what Google Contacts calls "Outlook CSV". */
import type { ColumnRule, Format } from './columns.ts'

const SEVERAL = /\s*;\s*/

const ADDRESSES = ['business', 'home', 'other'] as const

/** Header key and label. */
const PHONES: readonly (readonly [string, string])[] = [
  ['primaryphone', 'primary'],
  ['businessphone', 'work'],
  ['businessphone2', 'work 2'],
  ['mobilephone', 'mobile'],
  ['homephone', 'home'],
  ['homephone2', 'home 2'],
  ['companymainphone', 'company'],
  ['otherphone', 'other'],
  ['assistantsphone', 'assistant'],
  ['carphone', 'car'],
  ['callback', 'callback'],
  ['radiophone', 'radio'],
  ['businessfax', 'work fax'],
  ['homefax', 'home fax'],
  ['otherfax', 'other fax'],
  ['pager', 'pager'],
  ['isdn', 'isdn'],
  ['ttytddphone', 'tty'],
  ['telex', 'telex'],
]

export const outlook: Format = {
  name: 'outlook',
  recordType: 'contact',
  rules: [
    { header: 'firstname', to: 'fields.firstName' },
    { header: 'lastname', to: 'fields.lastName' },
    { header: 'middlename', to: 'fields.x_middle_name' },
    { header: 'title', to: 'fields.salutation' },
    { header: 'suffix', to: 'fields.x_name_suffix' },
    { header: 'company', to: 'account.name' },
    { header: 'jobtitle', to: 'fields.title' },
    { header: 'department', to: 'fields.department' },
    { header: /^email(?:1)?address$/, to: 'emails[1].address' },
    { header: /^email([23])address$/, to: 'emails[$1].address' },
    ...PHONES.map(([header, label]): ColumnRule => ({ header, to: `phones[${label}].number` })),
    ...ADDRESSES.flatMap(addressRules),
    { header: /^(?:webpage|businesshomepage)$/, to: 'fields.website' },
    { header: 'personalwebpage', to: 'fields.website' },
    { header: 'birthday', to: 'fields.birthday', unless: '0/0/00' },
    { header: 'notes', to: 'summary' },
    { header: 'categories', to: 'tags', split: SEVERAL },
    // What the program fills in by itself for everybody.
    { header: 'anniversary', to: 'fields.x_anniversary', unless: '0/0/00' },
    { header: /^email(?:\d)?type$/, to: 'fields.x_email_type', unless: 'smtp' },
    { header: 'gender', to: 'fields.x_gender', unless: 'unspecified' },
    { header: 'priority', to: 'fields.x_priority', unless: 'normal' },
    { header: 'sensitivity', to: 'fields.x_sensitivity', unless: 'normal' },
    { header: 'private', to: 'fields.x_private', unless: 'false' },
  ],
}

function addressRules(kind: (typeof ADDRESSES)[number]): ColumnRule[] {
  const entry = `addresses[${kind === 'business' ? 'work' : kind}]`
  return [
    { header: `${kind}street`, to: `${entry}.street` },
    { header: `${kind}street2`, to: `${entry}.street` },
    { header: `${kind}street3`, to: `${entry}.street` },
    { header: `${kind}addresspobox`, to: `${entry}.street` },
    { header: `${kind}city`, to: `${entry}.city` },
    { header: `${kind}state`, to: `${entry}.region` },
    { header: `${kind}postalcode`, to: `${entry}.postalCode` },
    { header: new RegExp(`^${kind}country(?:region)?$`), to: `${entry}.country` },
    { header: `${kind}address`, to: `${entry}.whole` },
  ]
}

/** Whether these are the header keys of an export. */
export function isOutlook(keys: ReadonlySet<string>): boolean {
  return keys.has('firstname') && keys.has('lastname') && (keys.has('emailaddress') || keys.has('businessphone'))
}
