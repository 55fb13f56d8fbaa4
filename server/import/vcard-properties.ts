/** The properties of a card as assignments: what of RFC 2426, RFC 6350 and Apple's additions goes where. */
import { customName } from './columns.ts'
import type { Assignment, BrokenLine, Fact, SourceRecord } from './source.ts'
import type { PointRoot, Target } from './target.ts'
import type { Card, Property } from './vcard-reader.ts'

/** Of the file rather than of the person. */
const TECHNICAL = new Set([
  'version',
  'prodid',
  'rev',
  'source',
  'xml',
  'clientpidmap',
  'kind',
  'x-ablabel',
  'x-abadr',
  'x-abshowas',
])
/** Types that say nothing of where an address or number belongs. */
const NO_LABELS = new Set(['internet', 'voice', 'pref', 'msg', 'text', 'video', 'dom', 'intl', 'postal', 'parcel'])
const POINTS: Readonly<Record<string, readonly [PointRoot, string]>> = {
  email: ['emails', 'address'],
  tel: ['phones', 'number'],
}
/** The parts of ADR: post office box, extended address, street, city, region, postal code, country. */
const ADDRESS_PARTS = ['street', 'street', 'street', 'city', 'region', 'postalCode', 'country'] as const
/** The street itself before what only adds to it. */
const ADDRESS_ORDER = [2, 1, 0, 3, 4, 5, 6] as const

export function recordOf({ line, properties }: Card): SourceRecord | BrokenLine {
  const kind = textOf(properties.find(({ name }) => name === 'kind'))
  if (/^group$/i.test(kind)) return { type: 'broken', line, reason: 'it is a group of cards, not a person' }
  // Apple's programs have a word of their own for a card that is a company's.
  const shownAs = textOf(properties.find(({ name }) => name === 'x-abshowas'))
  const recordType = /^org$/i.test(kind) || /^company$/i.test(shownAs) ? 'account' : 'contact'
  const card = new CardReading(properties)
  return {
    type: 'record',
    line,
    recordType,
    source: 'vcard',
    facts: properties.filter(({ name }) => !TECHNICAL.has(name)).map(factOf),
    assignments: properties.flatMap((property, index) => card.assignments(property, index, recordType === 'account')),
  }
}

class CardReading {
  readonly #labels = new Map<string, string>()
  readonly #hasAddress: boolean
  readonly #properties: readonly Property[]

  constructor(properties: readonly Property[]) {
    this.#properties = properties
    this.#hasAddress = properties.some(({ name }) => name === 'adr')
    for (const property of properties) {
      const group = property.parameters.group
      // Apple writes the labels that it translates itself as _$!<Work>!$_.
      const label = textOf(property).replace(/^_\$!<(.*)>!\$_$/s, '$1')
      if (property.name === 'x-ablabel' && typeof group === 'string') this.#labels.set(group, label)
    }
  }

  assignments(property: Property, index: number, isCompany: boolean): Assignment[] {
    const { name, values } = property
    const one = (target: Target, value: string, more: Partial<Assignment> = {}): Assignment => {
      return { column: name.toUpperCase(), target, value, spare: this.#spare(property), ...more }
    }
    const point = POINTS[name]
    if (point !== undefined)
      return this.#entry(property, point[0], index, (entry) => [one(entry(point[1]), textOf(property))], one)
    switch (name) {
      case 'n':
        return isCompany ? [] : nameParts(property, one)
      case 'fn':
        return [one(isCompany ? { type: 'field', name: 'name' } : { type: 'name' }, textOf(property), { spare: 'x_full_name' })]
      case 'org': {
        const [company = '', ...units] = partsOf(values[0])
        if (isCompany) return [one({ type: 'field', name: 'name' }, company)]
        const department = units.filter((unit) => unit !== '').join(', ')
        return [one({ type: 'company', name: 'name' }, company), one({ type: 'field', name: 'department' }, department)]
      }
      case 'title':
        return isCompany
          ? [one({ type: 'custom', name: 'x_title' }, textOf(property))]
          : [one({ type: 'field', name: 'title' }, textOf(property))]
      case 'bday':
        return isCompany ? [] : [one({ type: 'field', name: 'birthday' }, birthdayOf(property))]
      case 'url':
        return [one({ type: 'field', name: 'website' }, textOf(property))]
      case 'note':
        return [one({ type: 'summary' }, textOf(property))]
      case 'uid':
        return [one({ type: 'id' }, textOf(property))]
      case 'categories':
        return values.map((value) => one({ type: 'tags' }, unescaped(String(value))))
      case 'adr':
        return this.#entry(
          property,
          'addresses',
          index,
          (entry) => {
            const parts = partsOf(values[0])
            return ADDRESS_ORDER.map((place) => one(entry(ADDRESS_PARTS[place]), parts[place] ?? ''))
          },
          one,
        )
      case 'label':
        if (this.#hasAddress) return []
        return this.#entry(property, 'addresses', index, (entry) => [one(entry('whole'), textOf(property))], one)
      default:
        return TECHNICAL.has(name) ? [] : [one({ type: 'custom', name: this.#spare(property) }, described(property))]
    }
  }

  #entry(
    property: Property,
    root: PointRoot,
    index: number,
    content: (entry: (column: string) => Target) => Assignment[],
    one: (target: Target, value: string, more?: Partial<Assignment>) => Assignment,
  ): Assignment[] {
    const entry = (column: string): Target => ({ type: 'entry', root, key: String(index), column })
    const primary = preference(property) === this.#best(property.name)
    const label = one(entry('label'), this.#labelOf(property))
    return [label, ...content(entry)].map((assignment) => ({ ...assignment, primary }))
  }

  #labelOf(property: Property): string {
    const given = this.#groupLabel(property)
    if (given !== undefined) return given
    const types = typesOf(property).filter((type) => !NO_LABELS.has(type))
    if (types.includes('fax')) return types.includes('home') ? 'home fax' : types.includes('work') ? 'work fax' : 'fax'
    return types.find((type) => type === 'cell') ?? types[0]?.replace(/^x-/, '') ?? ''
  }

  #groupLabel({ parameters }: Property): string | undefined {
    const { group } = parameters
    return typeof group === 'string' ? this.#labels.get(group) : undefined
  }

  /** The strongest preference among properties of a name; what no property has if none says any. */
  #best(name: string): number {
    return Math.min(...this.#properties.filter((property) => property.name === name).map(preference), NO_PREFERENCE - 1)
  }

  #spare(property: Property): `x_${string}` {
    const label = this.#groupLabel(property)
    return (label && customName(label)) || customName(property.name.replace(/^x-(ab)?/, '')) || 'x_property'
  }
}

/** 1 is the strongest; the word of vCard 3.0 counts as that. */
const NO_PREFERENCE = 101

function preference(property: Property): number {
  const { pref } = property.parameters
  if (typeof pref === 'string' && /^\d{1,3}$/.test(pref)) return Number(pref)
  return typesOf(property).includes('pref') ? 1 : NO_PREFERENCE
}

function nameParts(
  property: Property,
  one: (target: Target, value: string, more?: Partial<Assignment>) => Assignment,
): Assignment[] {
  const [family = '', given = '', additional = '', prefix = '', suffix = ''] = partsOf(property.values[0])
  return [
    one({ type: 'field', name: 'firstName' }, given),
    one({ type: 'field', name: 'lastName' }, family),
    one({ type: 'field', name: 'salutation' }, prefix),
    one({ type: 'custom', name: 'x_middle_name' }, additional),
    one({ type: 'custom', name: 'x_name_suffix' }, suffix),
  ]
}

/** Apple writes a birthday without a year as one in a year that it names. */
function birthdayOf(property: Property): string {
  const omitted = property.parameters['x-apple-omit-year']
  const text = textOf(property)
  return typeof omitted === 'string' && text.startsWith(omitted) ? text.replace(omitted, '-') : text
}

function typesOf({ parameters }: Property): string[] {
  return [parameters.type ?? []].flat(2).map((type) => String(type).toLowerCase())
}

/** Of a structured value: its parts, of which each may have several. */
function partsOf(value: unknown): string[] {
  const parts = Array.isArray(value) ? value : [value]
  return parts.map((part) => unescaped([part ?? ''].flat(2).join(' ')).trim())
}

/** The library splits notes of vCard 3.0 at their commas. */
function textOf(property: Property | undefined): string {
  if (property === undefined) return ''
  const separator = property.name === 'note' ? ',' : ', '
  return unescaped(property.values.flat(2).map(String).join(separator), property.type)
}

/** A value under a name that says little, with what it is in front. */
function described(property: Property): string {
  const kind = property.parameters['x-service-type'] ?? property.parameters.type
  const text = textOf(property)
  return kind === undefined || text === '' ? text : `${[kind].flat(2).join(', ')}: ${text}`
}

/** The library leaves some escapes, and in properties it does not know all of them. */
function unescaped(text: string, type?: string): string {
  const known = text.replaceAll(/\\([;:])/g, '$1')
  return type === 'unknown' || type === 'uri' ? known.replaceAll(/\\n/gi, '\n').replaceAll(/\\([,\\])/g, '$1') : known
}

function factOf(property: Property): Fact {
  const types = typesOf(property).filter((type) => type !== 'pref')
  return { column: [property.name, ...types.sort()].join(';'), value: property.values.flat(3).map(String).join('\n') }
}
