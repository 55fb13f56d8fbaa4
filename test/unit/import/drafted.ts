/** What an import would write of a text or bytes, without a database: each record's content with its entries in order. */
import { readFileSync } from 'node:fs'
import { parseTenant } from '@rapport/shared/ids.ts'
import type { Choice } from '../../../server/import/reading.ts'
import { FileReading } from '../../../server/import/reading.ts'
import type { Item } from '../../../server/import/source.ts'
import { type Entry, entryOf } from '../../../server/import/survey.ts'
import type { DateOrder } from '../../../server/import/values.ts'

const TENANT = parseTenant('demo')
if (TENANT === undefined) throw new Error('not a tenant')
export const tenant = TENANT

export interface Read {
  readonly entries: readonly Entry[]
  readonly records: readonly Shown[]
  readonly skipped: readonly { readonly line: number; readonly reason: string }[]
  readonly reading: FileReading
}

export interface Shown {
  readonly line: number
  readonly type: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly [root: string]: unknown
}

export function fixture(name: string): Buffer {
  return readFileSync(new URL(`../../fixtures/import/${name}`, import.meta.url))
}

/** In pieces of the given sizes, over and over; in one piece without. */
export function itemsOf(
  bytes: Uint8Array,
  choice: Choice = {},
  sizes: readonly number[] = [],
): { items: Item[]; reading: FileReading } {
  const reading = new FileReading(choice)
  const items: Item[] = []
  let at = 0
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % Math.max(sizes.length, 1)] ?? bytes.length
    items.push(...reading.push(bytes.subarray(at, at + size)))
    at += size
  }
  items.push(...reading.end())
  return { items, reading }
}

export function read(content: string | Uint8Array, choice: Choice = {}, order?: DateOrder): Read {
  const { items, reading } = itemsOf(typeof content === 'string' ? Buffer.from(content) : content, choice)
  let named = 0
  const entries: Entry[] = []
  const skipped: { line: number; reason: string }[] = []
  for (const item of items) {
    const entry = item.type === 'broken' ? item.reason : entryOf(item, tenant, order, () => `e${named++}`)
    if (typeof entry === 'string') skipped.push({ line: item.line, reason: entry })
    else entries.push(entry)
  }
  return { entries, records: entries.map(shown), skipped, reading }
}

/** Empty roots left out, entries as lists. */
function shown({ line, draft }: Entry): Shown {
  const { fields, summary, tags, emails, phones, addresses } = draft.content
  const lists = Object.entries({ emails, phones, addresses }).map(([root, entries]) => [root, Object.values(entries)] as const)
  return {
    line,
    type: draft.recordType,
    fields,
    ...Object.fromEntries(lists.filter(([, entries]) => entries.length > 0)),
    ...(summary !== '' && { summary }),
    ...(Object.keys(tags).length > 0 && { tags: Object.keys(tags) }),
    ...(draft.company && { company: draft.company }),
    ...(draft.moved.length > 0 && { moved: draft.moved }),
  }
}
