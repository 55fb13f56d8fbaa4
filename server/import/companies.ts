/**
 * The accounts that people are linked to: one that is called like their company, or else one made for it, once. Names are compared
 * without case and blanks. What was found is remembered, for so many companies as a file is likely to go back to.
 */
import type { RecordId, Tenant } from '@rapport/shared/ids.ts'
import type { Sql } from '../db.ts'
import type { Draft } from './draft.ts'
import { companyIdentity, idOf } from './identity.ts'
import { accountsCalled, storedUnder } from './stored.ts'
import { fold } from './values.ts'
import type { CreateRecord } from './writer.ts'

export interface Company {
  /** `undefined` where the account was erased, and its id with it. */
  readonly id: RecordId | undefined
  /** Somebody deleted the account. People are linked to it all the same, for the day on which it is restored. */
  readonly deleted: boolean
}

const REMEMBERED = 20_000

export class Companies {
  readonly #sql: Sql
  readonly #tenant: Tenant
  readonly #create: CreateRecord
  /** By folded name, in order of last use. */
  readonly #known = new Map<string, Company>()
  created = 0

  constructor(sql: Sql, tenant: Tenant, create: CreateRecord) {
    this.#sql = sql
    this.#tenant = tenant
    this.#create = create
  }

  /** The company of each draft that has one; those that are missing are made. */
  async of(drafts: readonly Draft[]): Promise<ReadonlyMap<Draft, Company>> {
    const wanted = new Map<string, NonNullable<Draft['company']>>()
    for (const { company } of drafts) {
      const name = company === undefined ? undefined : nameOf(company)
      if (name !== undefined && company !== undefined && !wanted.has(name)) wanted.set(name, company)
    }
    const found = await this.#find(wanted)
    const made = [...wanted].filter(([name]) => !found.has(name))
    await Promise.all(made.map(async ([name, fields]) => found.set(name, await this.#make(fields))))
    for (const [name, company] of found) this.remember(name, company)
    const linked = new Map<Draft, Company>()
    for (const draft of drafts) {
      const company = draft.company && found.get(nameOf(draft.company))
      if (company !== undefined) linked.set(draft, company)
    }
    return linked
  }

  /** Accounts of these names that are there already and not deleted, in a fixed order. */
  async called(names: readonly string[]): Promise<ReadonlyMap<string, readonly RecordId[]>> {
    const asked = names.filter((name) => !this.#known.has(fold(name)))
    const found = new Map(asked.length === 0 ? [] : await accountsCalled(this.#sql, this.#tenant, asked))
    for (const name of names) {
      const known = this.#known.get(fold(name))
      if (known?.id !== undefined && !known.deleted) found.set(fold(name), [known.id])
    }
    return found
  }

  remember(name: string, company: Company): void {
    this.#known.delete(name)
    this.#known.set(name, company)
    const [oldest] = this.#known.keys()
    if (this.#known.size > REMEMBERED && oldest !== undefined) this.#known.delete(oldest)
  }

  async #find(wanted: ReadonlyMap<string, NonNullable<Draft['company']>>): Promise<Map<string, Company>> {
    const found = new Map<string, Company>()
    for (const name of wanted.keys()) {
      const known = this.#known.get(name)
      if (known !== undefined) found.set(name, known)
    }
    const unknown = [...wanted].filter(([name]) => !found.has(name))
    if (unknown.length === 0) return found
    const halves = new Map(unknown.map(([name]) => [name, companyIdentity(this.#tenant, name).who]))
    const [called, stored] = await Promise.all([
      accountsCalled(
        this.#sql,
        this.#tenant,
        unknown.map(([, fields]) => String(fields.name)),
      ),
      storedUnder(this.#sql, this.#tenant, 'account', [...halves.values()]),
    ])
    for (const [name, half] of halves) {
      const [id] = called.get(name) ?? []
      const own = stored.get(half) ?? []
      const kept = own.find(({ state }) => state === 'live') ?? own.find(({ state }) => state === 'deleted')
      if (id !== undefined) found.set(name, { id, deleted: false })
      else if (kept !== undefined) found.set(name, { id: kept.id, deleted: kept.state === 'deleted' })
      else if (own.length > 0) found.set(name, { id: undefined, deleted: false })
    }
    return found
  }

  async #make(fields: NonNullable<Draft['company']>): Promise<Company> {
    const id = idOf(companyIdentity(this.#tenant, String(fields.name)))
    const creation = await this.#create('account', id, { fields })
    if (creation === 'created') this.created += 1
    return { id: creation === 'erased' ? undefined : id, deleted: false }
  }
}

function nameOf(company: NonNullable<Draft['company']>): string {
  return fold(String(company.name))
}
