/**
 * HubSpot: exports of contacts and of companies, with the labels of HubSpot's own properties. What else an export holds, the
 * properties that a user made among it, becomes custom fields.
 */
import type { ColumnRule, Format } from './columns.ts'

const SEVERAL = /\s*;\s*/

/** HubSpot's lifecycle stages; a stage that says more than ours is kept beside it in a custom field. */
const CONTACT_STAGES = {
  subscriber: 'lead',
  lead: 'lead',
  'marketing qualified lead': 'qualified',
  marketingqualifiedlead: 'qualified',
  'sales qualified lead': 'qualified',
  salesqualifiedlead: 'qualified',
  opportunity: 'qualified',
  customer: 'customer',
  evangelist: 'customer',
  'former customer': 'former',
} as const

const COMPANY_STAGES = {
  subscriber: 'prospect',
  lead: 'prospect',
  'marketing qualified lead': 'prospect',
  marketingqualifiedlead: 'prospect',
  'sales qualified lead': 'prospect',
  salesqualifiedlead: 'prospect',
  opportunity: 'prospect',
  customer: 'active',
  evangelist: 'active',
  'former customer': 'former',
} as const

const ADDRESS: readonly ColumnRule[] = [
  { header: 'streetaddress', to: 'addresses[1].street' },
  { header: 'streetaddress2', to: 'addresses[1].street' },
  { header: 'city', to: 'addresses[1].city' },
  { header: /^state(?:region)?$/, to: 'addresses[1].region' },
  { header: /^(?:postalcode|zip|zipcode)$/, to: 'addresses[1].postalCode' },
  { header: /^country(?:region)?$/, to: 'addresses[1].country' },
]

export const hubspotContacts: Format = {
  name: 'hubspot',
  recordType: 'contact',
  rules: [
    { header: /^(?:recordid|recordidcontact|contactid)$/, to: 'id' },
    { header: 'firstname', to: 'fields.firstName' },
    { header: 'lastname', to: 'fields.lastName' },
    { header: 'salutation', to: 'fields.salutation' },
    { header: 'jobtitle', to: 'fields.title' },
    { header: 'email', to: 'emails[1].address', split: SEVERAL },
    { header: 'workemail', to: 'emails[work].address' },
    { header: 'additionalemailaddresses', to: 'emails[2].address', split: SEVERAL },
    { header: 'phonenumber', to: 'phones[1].number' },
    { header: /^mobilephone(?:number)?$/, to: 'phones[mobile].number' },
    { header: 'faxnumber', to: 'phones[fax].number' },
    // The company that the contact is linked to, before the one that it merely mentions.
    { header: /^(?:associatedcompany|primaryassociatedcompany)(?:primary)?$/, to: 'account.name', split: SEVERAL },
    { header: 'companyname', to: 'account.name' },
    { header: 'lifecyclestage', to: 'fields.stage', values: CONTACT_STAGES },
    { header: /^website(?:url)?$/, to: 'fields.website' },
    { header: 'dateofbirth', to: 'fields.birthday' },
    ...ADDRESS,
  ],
}

export const hubspotCompanies: Format = {
  name: 'hubspot',
  recordType: 'account',
  rules: [
    { header: /^(?:recordid|recordidcompany|companyid)$/, to: 'id' },
    { header: /^(?:companyname|name)$/, to: 'fields.name' },
    { header: 'websiteurl', to: 'fields.website' },
    { header: /^(?:companydomainname|domain|domainname)$/, to: 'fields.website' },
    { header: 'industry', to: 'fields.industry' },
    { header: 'numberofemployees', to: 'fields.employees' },
    { header: 'lifecyclestage', to: 'fields.stage', values: COMPANY_STAGES },
    { header: 'phonenumber', to: 'phones[1].number' },
    ...ADDRESS,
    { header: 'description', to: 'summary' },
    { header: 'aboutus', to: 'summary' },
  ],
}

/** What these header keys are an export of. */
export function hubspotFormat(keys: ReadonlySet<string>): Format | undefined {
  const person = keys.has('firstname') || keys.has('lastname') || keys.has('email')
  if (person) return anyOf(keys, ['recordid', 'recordidcontact', 'contactid']) ? hubspotContacts : undefined
  const named = anyOf(keys, ['companyname', 'name'])
  return named && anyOf(keys, ['recordid', 'recordidcompany', 'companyid']) ? hubspotCompanies : undefined
}

function anyOf(keys: ReadonlySet<string>, wanted: readonly string[]): boolean {
  return wanted.some((key) => keys.has(key))
}
