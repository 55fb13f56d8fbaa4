/** Google Contacts: the CSV export of today and the one before it, which names the same things differently. */
import type { Format } from './columns.ts'

/** Between several values under one label. */
const SEVERAL = /\s*:::\s*/

export const google: Format = {
  name: 'google',
  recordType: 'contact',
  rules: [
    { header: /^(?:firstname|givenname)$/, to: 'fields.firstName' },
    { header: /^(?:lastname|familyname)$/, to: 'fields.lastName' },
    { header: 'name', to: 'name' },
    { header: /^(?:middlename|additionalname)$/, to: 'fields.x_middle_name' },
    { header: 'nameprefix', to: 'fields.salutation' },
    { header: 'namesuffix', to: 'fields.x_name_suffix' },
    { header: /^organization1?name$/, to: 'account.name' },
    { header: /^organization1?title$/, to: 'fields.title' },
    { header: /^organization1?department$/, to: 'fields.department' },
    { header: 'birthday', to: 'fields.birthday' },
    { header: 'notes', to: 'summary' },
    { header: /^(?:labels|groupmembership)$/, to: 'tags', split: SEVERAL },
    { header: /^email(\d+)(?:label|type)$/, to: 'emails[$1].label' },
    { header: /^email(\d+)value$/, to: 'emails[$1].address', split: SEVERAL },
    { header: /^phone(\d+)(?:label|type)$/, to: 'phones[$1].label' },
    { header: /^phone(\d+)value$/, to: 'phones[$1].number', split: SEVERAL },
    { header: /^address(\d+)(?:label|type)$/, to: 'addresses[$1].label' },
    { header: /^address(\d+)street$/, to: 'addresses[$1].street' },
    { header: /^address(\d+)extendedaddress$/, to: 'addresses[$1].street' },
    { header: /^address(\d+)pobox$/, to: 'addresses[$1].street' },
    { header: /^address(\d+)city$/, to: 'addresses[$1].city' },
    { header: /^address(\d+)region$/, to: 'addresses[$1].region' },
    { header: /^address(\d+)postalcode$/, to: 'addresses[$1].postalCode' },
    { header: /^address(\d+)country$/, to: 'addresses[$1].country' },
    { header: /^address(\d+)formatted$/, to: 'addresses[$1].whole' },
    { header: /^website(\d+)value$/, to: 'fields.website', split: SEVERAL },
  ],
  labelled: /^((?:customfield|event|relation)\d+)value$/,
}

/** Whether these are the header keys of an export. */
export function isGoogle(keys: ReadonlySet<string>): boolean {
  const names = (keys.has('firstname') && keys.has('lastname')) || (keys.has('givenname') && keys.has('familyname'))
  const numbered = [...keys].some((key) => /^(?:email|phone)\d+value$/.test(key))
  return (names || keys.has('name')) && (numbered || keys.has('groupmembership') || keys.has('phoneticfirstname'))
}
