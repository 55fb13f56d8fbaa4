/**
 * A person or a company as its record will be: every value in a field that can hold it. What no field can hold, because it is not
 * what the field asks for or because the place is taken, is kept as text in a custom field or in the summary; nothing that the
 * file says is dropped. The content made here always fits its record type.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import { MAX_CUSTOM_FIELDS, own } from '@rapport/shared/schema/record-type.ts'
import type { Register, Scalar } from '@rapport/shared/schema/register.ts'
import { checkMember, validateContent } from '@rapport/shared/schema/validate-content.ts'
import { Leftovers, type Moved } from './leftovers.ts'
import { saysMore, splitName } from './names.ts'
import { type PointContent, Points } from './points.ts'
import type { Assignment, SourceRecord } from './source.ts'
import { type ImportedType, importedTypes } from './target.ts'
import { clean, customValue, type DateOrder, fold, registerValue } from './values.ts'

export type DraftContent = PointContent & {
  readonly fields: Readonly<Record<string, Scalar>>
  readonly summary: string
  readonly tags: Readonly<Record<string, true>>
}

/** What tells one entry from another; empty where the file says nothing of the kind. */
export interface Signs {
  /** What the other program calls it. */
  readonly id: string
  readonly name: string
  readonly email: string
  readonly phone: string
}

export interface Draft {
  readonly recordType: ImportedType
  readonly content: DraftContent
  /** The fields of the company that a contact belongs to, its name among them. */
  readonly company: Readonly<Record<string, Scalar>> | undefined
  readonly signs: Signs
  readonly moved: readonly Moved[]
  /** Columns of which a value went to their own custom field, since its place was taken, or says less than it did. */
  readonly spared: ReadonlySet<string>
}

/** The reason why there is nobody to make a record of, or the draft. */
export type Drafted = { readonly type: 'draft'; readonly draft: Draft } | { readonly type: 'nobody'; readonly reason: string }

/** System groups of Google Contacts, in which everybody is. */
const NO_TAGS = new Set(['mycontacts'])

/** `newId` names the entries of collections. */
export function draftOf(record: SourceRecord, order: DateOrder | undefined, newId: () => string): Drafted {
  const builder = new DraftBuilder(record.recordType, order)
  for (const assignment of record.assignments) builder.add(assignment)
  return builder.finish(newId)
}

/** The draft with its company as text, for a company that cannot be linked. */
export function withCompanyAsText(draft: Draft): DraftContent {
  const summary = summaryOf([draft.content.summary], [`Imported: company: ${String(draft.company?.name)}`])
  return { ...draft.content, summary: cut(summary, importedTypes[draft.recordType].roots.summary.maxLength) }
}

class DraftBuilder {
  readonly #type: ImportedType
  readonly #order: DateOrder | undefined
  readonly #fields = new Map<string, Scalar>()
  readonly #company = new Map<string, Scalar>()
  readonly #custom = new Map<string, Scalar>()
  readonly #points = new Points()
  readonly #tags = new Set<string>()
  readonly #paragraphs: string[] = []
  readonly #leftovers = new Leftovers()
  readonly #spared = new Set<string>()
  /** What is said of the company, in order; of one without a name no account can be made. */
  readonly #companySaid: { readonly name: string; readonly assignment: Assignment }[] = []
  #fullName: Assignment | undefined
  #id = ''
  /** Whether anything was said that a record can be made of. */
  #somebody = false

  constructor(type: ImportedType, order: DateOrder | undefined) {
    this.#type = type
    this.#order = order
  }

  add(assignment: Assignment): void {
    const whole = clean(assignment.value)
    const values = assignment.split === undefined ? [whole] : whole.split(assignment.split)
    for (const value of values) if (value !== '') this.#place({ ...assignment, value })
  }

  finish(newId: () => string): Drafted {
    this.#settleCompany()
    if (this.#type === 'contact') this.#settleName()
    else if (!this.#fields.has('name')) this.#nameAfterWebsite()
    if (this.#type === 'account' && !this.#fields.has('name')) return { type: 'nobody', reason: 'it has no company name' }
    if (this.#type === 'contact' && !this.#somebody)
      return { type: 'nobody', reason: 'it has no name and no e-mail address, telephone number or company' }
    const company = this.#company.has('name') ? Object.fromEntries(this.#company) : undefined
    const content = this.#content(newId)
    if (validateContent(importedTypes[this.#type], content).length > 0) {
      throw new SyncError('internal', 'an entry was made into content that does not fit its record type')
    }
    const { firstEmail: email, firstPhone: phone } = this.#points
    const signs = { id: this.#id, name: this.#nameSign(), email, phone }
    const { moved } = this.#leftovers
    return { type: 'draft', draft: { recordType: this.#type, content, company, signs, moved, spared: this.#spared } }
  }

  #place(assignment: Assignment): void {
    const { target, value, column } = assignment
    switch (target.type) {
      case 'field':
        this.#somebody ||= ['firstName', 'lastName', 'name'].includes(target.name)
        return this.#setField(this.#fields, this.#type, target.name, assignment)
      case 'company':
        this.#somebody ||= target.name === 'name'
        this.#companySaid.push({ name: target.name, assignment })
        return
      case 'custom':
        return this.#setCustom(target.name, assignment)
      case 'entry':
        this.#somebody ||= target.column === 'address' || target.column === 'number'
        return this.#points.add(assignment, target, value)
      case 'tags':
        return this.#tag(column, value.replace(/^\*\s*/, ''))
      case 'summary':
        this.#paragraphs.push(value)
        return
      case 'name':
        this.#somebody = true
        if (this.#fullName === undefined) this.#fullName = assignment
        else if (fold(this.#fullName.value) !== fold(value)) this.#spare(assignment)
        return
      case 'id':
        this.#id ||= value
        // So that whoever still works with the other program finds the entry there.
        return this.#spare(assignment)
      case 'ignore':
        return
      default:
        return target satisfies never
    }
  }

  #setField(fields: Map<string, Scalar>, owner: ImportedType, name: string, assignment: Assignment): void {
    const register = own<Register>(importedTypes[owner].fields, name)
    if (register === undefined) throw new SyncError('internal', 'a column goes to a field that does not exist')
    const noun = fields === this.#company ? `company ${nounOf(name)}`.replace(/ name$/, '') : nounOf(name)
    const { column, value, values = {} } = assignment
    const typed = registerValue(register, value, assignment, this.#order)
    // A word that is none of ours is still one of a list, and more use as a field than as prose.
    if ('reason' in typed && register.kind === 'enum') return this.#spare(assignment)
    if ('reason' in typed) return this.#leftovers.keep(column, noun, value, typed.reason)
    const held = fields.get(name)
    if (held === undefined) fields.set(name, typed.value)
    const same = held === undefined || fold(String(held)) === fold(String(typed.value))
    const meanings = Object.values(values).filter((meaning) => meaning === typed.value).length
    if (!same || (meanings > 1 && fold(value) !== typed.value)) this.#spare(assignment)
  }

  /** Keeps what was written in the column's own custom field. */
  #spare(assignment: Assignment): void {
    this.#spared.add(assignment.column)
    this.#setCustom(assignment.spare, { ...assignment, as: 'text', values: {} })
  }

  /** Several values for one custom field become lines of it. */
  #setCustom(name: `x_${string}`, assignment: Assignment): void {
    const { column, value } = assignment
    const held = this.#custom.get(name)
    if (held !== undefined && fold(String(held)) === fold(value)) return
    if (held === undefined && this.#custom.size >= MAX_CUSTOM_FIELDS) {
      return this.#leftovers.keep(column, column, value, `a record holds ${MAX_CUSTOM_FIELDS} custom fields`)
    }
    const typed = held === undefined ? customValue(value, assignment) : customValue(`${held}\n${value}`, {})
    if ('reason' in typed) this.#leftovers.keep(column, column, value, typed.reason)
    else this.#custom.set(name, typed.value)
  }

  #tag(column: string, tag: string): void {
    if (NO_TAGS.has(fold(tag)) || this.#tags.has(tag)) return
    const { tags } = importedTypes[this.#type].roots
    if (tag === '' || checkMember(tags, tag) !== undefined) this.#leftovers.keep(column, 'tag', tag, 'it is no tag')
    else if (this.#tags.size >= tags.maxMembers)
      this.#leftovers.keep(column, 'tag', tag, `a record holds ${tags.maxMembers} tags`)
    else this.#tags.add(tag)
  }

  #settleCompany(): void {
    // Its name first, which decides about the rest.
    const said = this.#companySaid.toSorted((one, other) => Number(other.name === 'name') - Number(one.name === 'name'))
    for (const { name, assignment } of said) {
      if (name === 'name' || this.#company.has('name')) this.#setField(this.#company, 'account', name, assignment)
      else this.#spare(assignment)
    }
  }

  /** A name in one piece is used where there are no parts of it, and kept where it says more than they do. */
  #settleName(): void {
    const full = this.#fullName
    if (full === undefined || fold(full.value) === fold(String(this.#company.get('name') ?? ''))) return
    const parts = [...this.#fields.values(), ...this.#custom.values()].map(String)
    if (this.#fields.has('firstName') || this.#fields.has('lastName')) {
      if (!saysMore(full.value, parts)) return
      return this.#spare(full)
    }
    const { first, last } = splitName(full.value)
    if (first !== '') this.#setField(this.#fields, 'contact', 'firstName', { ...full, value: first })
    if (last !== '') this.#setField(this.#fields, 'contact', 'lastName', { ...full, value: last })
  }

  #nameAfterWebsite(): void {
    const website = this.#fields.get('website')
    if (typeof website !== 'string') return
    this.#fields.set('name', website.replace(/^https?:\/\/(?:www\.)?/i, '').replace(/[/?#].*$/s, ''))
  }

  #content(newId: () => string): DraftContent {
    const points = this.#points.finish(this.#leftovers, newId)
    const limit = importedTypes[this.#type].roots.summary.maxLength
    const whole = summaryOf(this.#paragraphs, this.#leftovers.lines)
    const summary = cut(whole, limit)
    if (summary.length < whole.length) {
      this.#leftovers.moved.push({ column: 'summary', reason: `it is longer than ${limit} characters and was cut off` })
    }
    const tags = Object.fromEntries([...this.#tags].map((tag): [string, true] => [tag, true]))
    return { fields: { ...Object.fromEntries(this.#fields), ...Object.fromEntries(this.#custom) }, summary, tags, ...points }
  }

  #nameSign(): string {
    const text = (name: string): string => String(this.#fields.get(name) ?? '')
    return fold(this.#type === 'account' ? text('name') : `${text('firstName')} ${text('lastName')}`)
  }
}

/** `creditLimit` as people say it. */
function nounOf(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

function summaryOf(paragraphs: readonly string[], leftovers: readonly string[]): string {
  return [...paragraphs, leftovers.join('\n')].filter((part) => part !== '').join('\n\n')
}

/** To so many code points. */
function cut(text: string, most: number): string {
  return text.length <= most ? text : [...text].slice(0, most).join('')
}
