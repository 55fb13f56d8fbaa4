/** The formats that are known by themselves, told by what a file begins with. */
import type { Format } from './columns.ts'
import { headerKey } from './columns.ts'
import { google, isGoogle } from './google.ts'
import { hubspotCompanies, hubspotContacts, hubspotFormat } from './hubspot.ts'
import { isOutlook, outlook } from './outlook.ts'

export const FORMAT_NAMES = ['vcard', 'google', 'outlook', 'hubspot', 'csv'] as const
export type FormatName = (typeof FORMAT_NAMES)[number]

/** `undefined` for a header that no program is known to write. */
export function recognised(header: readonly string[]): Format | undefined {
  const keys = new Set(header.map(headerKey))
  if (isGoogle(keys)) return google
  return hubspotFormat(keys) ?? (isOutlook(keys) ? outlook : undefined)
}

/** The format that the user names, for a header that need not be complete. */
export function namedFormat(name: Exclude<FormatName, 'vcard' | 'csv'>, header: readonly string[]): Format {
  if (name === 'google') return google
  if (name === 'outlook') return outlook
  return hubspotFormat(new Set(header.map(headerKey))) ?? (isAboutPeople(header) ? hubspotContacts : hubspotCompanies)
}

export function startsCard(line: string): boolean {
  return /^\s*BEGIN:VCARD\s*$/i.test(line)
}

function isAboutPeople(header: readonly string[]): boolean {
  return header.map(headerKey).some((key) => key === 'firstname' || key === 'lastname' || key === 'email')
}
