/** E-mail addresses, telephone numbers and postal addresses of one entry, gathered from its columns and made into entries. */
import { contactPoints } from '@rapport/shared/records/contact-points.ts'
import type { Scalar } from '@rapport/shared/schema/register.ts'
import type { Leftovers } from './leftovers.ts'
import { saysMore } from './names.ts'
import type { Assignment } from './source.ts'
import type { PointRoot, Target } from './target.ts'
import { fold, registerValue } from './values.ts'

type Entries = Readonly<Record<string, Readonly<Record<string, Scalar>>>>
export type PointContent = Readonly<Record<PointRoot, Entries>>

interface Gathered {
  readonly key: string
  label: string
  labelColumn: string
  primary: boolean
  /** By column, what was said of it; addresses and numbers may be several. */
  readonly values: Map<string, { readonly column: string; readonly value: string }[]>
}

type Made = Record<string, Scalar>

const NOUNS: Readonly<Record<PointRoot, string>> = { emails: 'e-mail', phones: 'phone', addresses: 'address' }
const MAIN = { emails: 'address', phones: 'number' } as const
const SEVERAL = /\s*(?:\n|;|,|:::)\s*/
const TOO_MANY = 'a record holds 100 of these'

/** Labels that programs write in their own way; any other stays as it is. */
const LABELS: Readonly<Record<string, string>> = {
  work: 'work',
  business: 'work',
  home: 'home',
  mobile: 'mobile',
  cell: 'mobile',
  main: 'main',
  other: 'other',
  pager: 'pager',
  fax: 'fax',
  workfax: 'work fax',
  homefax: 'home fax',
}

export class Points {
  readonly #gathered: Readonly<Record<PointRoot, Map<string, Gathered>>> = {
    emails: new Map(),
    phones: new Map(),
    addresses: new Map(),
  }
  /** The first that are valid, for telling people apart. */
  firstEmail = ''
  firstPhone = ''

  add(assignment: Assignment, { root, key, column }: Extract<Target, { type: 'entry' }>, value: string): void {
    const entry = this.#entry(root, key)
    if (assignment.primary) entry.primary = true
    if (column === 'primary') entry.primary ||= /^(?:true|yes|1|x)$/i.test(value)
    else if (column === 'label') {
      // Google marks the preferred one by a star before its label.
      if (value.startsWith('*')) entry.primary = true
      entry.label = value.replace(/^\*\s*/, '')
      entry.labelColumn = assignment.column
    } else entry.values.set(column, [...(entry.values.get(column) ?? []), { column: assignment.column, value }])
  }

  finish(leftovers: Leftovers, newId: () => string): PointContent {
    return {
      emails: identified(this.#reached('emails', leftovers), newId),
      phones: identified(this.#reached('phones', leftovers), newId),
      addresses: identified(this.#located(leftovers), newId),
    }
  }

  #entry(root: PointRoot, key: string): Gathered {
    const held = this.#gathered[root].get(key)
    if (held !== undefined) return held
    const entry = { key, label: '', labelColumn: '', primary: false, values: new Map() }
    this.#gathered[root].set(key, entry)
    return entry
  }

  #reached(root: 'emails' | 'phones', leftovers: Leftovers): Made[] {
    const main = MAIN[root]
    const made = new Map<string, Made>()
    let marked: Made | undefined
    for (const entry of this.#gathered[root].values()) {
      const said = entry.values.get(main) ?? []
      const label = said.length > 0 ? labelOf(entry, leftovers) : {}
      for (const { column, value } of said) {
        const values = readable(root, value)
        if (Array.isArray(values)) {
          for (const one of values) {
            const sameness = root === 'emails' ? fold(one) : one.replaceAll(/[^\d+]/g, '')
            if (made.has(sameness)) continue
            if (made.size >= contactPoints[root].maxEntries) leftovers.keep(column, NOUNS[root], one, TOO_MANY)
            else made.set(sameness, { ...label, [main]: one })
            if (entry.primary) marked ??= made.get(sameness)
          }
        } else leftovers.keep(column, NOUNS[root], value, values.reason)
      }
    }
    const [first = ''] = made.keys()
    if (root === 'emails') this.firstEmail = first
    else this.firstPhone = first
    // Every program lists the main e-mail address first; of telephone numbers that cannot be said.
    const chosen = marked ?? (root === 'emails' ? made.get(first) : undefined)
    if (chosen !== undefined) chosen.primary = true
    return [...made.values()]
  }

  #located(leftovers: Leftovers): Made[] {
    const made: Made[] = []
    for (const entry of this.#gathered.addresses.values()) {
      if (entry.values.size === 0) continue
      const { whole = [], ...parts } = Object.fromEntries(entry.values)
      const said = Object.values(parts).flatMap((values) => values.map(({ value }) => value))
      const street = [...(parts.street ?? []), ...whole.filter(({ value }) => said.length === 0 || saysMore(value, said))]
      const columns = { ...parts, ...(street.length > 0 && { street }) }
      const address: Made = {}
      for (const [name, values] of Object.entries(columns)) {
        const column = values[0]?.column ?? name
        const value = [...new Set(values.map((one) => one.value))].join('\n')
        const register = contactPoints.addresses.columns[name as keyof typeof contactPoints.addresses.columns]
        const typed = made.length < contactPoints.addresses.maxEntries ? registerValue(register, value, {}) : { reason: TOO_MANY }
        if ('reason' in typed) leftovers.keep(column, NOUNS.addresses, value, typed.reason)
        else address[name] = typed.value
      }
      if (Object.keys(address).length > 0) made.push({ ...labelOf(entry, leftovers), ...address })
    }
    return made
  }
}

/** The value or, if it is none, the several values in it. */
function readable(root: 'emails' | 'phones', text: string): string[] | { readonly reason: string } {
  const read = (value: string) =>
    root === 'emails'
      ? registerValue(contactPoints.emails.columns.address, value, {})
      : registerValue(contactPoints.phones.columns.number, value, {})
  const typed = read(text)
  if ('value' in typed) return [String(typed.value)]
  const parts = text.split(SEVERAL).filter((part) => part !== '')
  const values = parts.map(read).flatMap((part) => ('value' in part ? [String(part.value)] : []))
  return parts.length > 1 && values.length === parts.length ? values : typed
}

function labelOf({ key, label, labelColumn }: Gathered, leftovers: Leftovers): Made {
  const words = label === '' ? key.replace(/ ?\d+$/, '') : label
  const known = LABELS[words.toLowerCase().replaceAll(/[^a-z]/g, '')] ?? words
  if (known === '') return {}
  const typed = registerValue(contactPoints.emails.columns.label, known, {})
  if ('value' in typed) return { label: typed.value }
  leftovers.keep(labelColumn, 'label', label, typed.reason)
  return {}
}

function identified(entries: readonly Made[], newId: () => string): Entries {
  return Object.fromEntries(entries.map((entry) => [newId(), entry]))
}
