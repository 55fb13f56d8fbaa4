/**
 * A file of customers into records: a survey, then a second pass that creates what is not there, a group at a time so that the
 * records of a group share their commits. It may be ended at any point and started again; what is there by then is found.
 */
import type { Clock } from '@rapport/shared/clock.ts'
import { type RecordId, type Tenant, uuidv7 } from '@rapport/shared/ids.ts'
import type { Sql } from '../db.ts'
import type { Registry } from '../document/registry.ts'
import { Companies, type Company } from './companies.ts'
import { type Draft, withCompanyAsText } from './draft.ts'
import { idOf, whoOf } from './identity.ts'
import { type Choice, FileReading, readFile } from './reading.ts'
import { ColumnUse, type ImportReport, Listed } from './report.ts'
import type { Item, SourceRecord } from './source.ts'
import { type StoredRecord, storedUnder } from './stored.ts'
import { type Entry, entryOf, type Survey, survey } from './survey.ts'
import { targetText } from './target.ts'
import { AMBIGUOUS_DATE, type DateOrder, fold } from './values.ts'
import { type CreateRecord, createWriter, type FirstContent } from './writer.ts'

/** Records on their way at once. */
const GROUP = 200

export interface ImportRequest {
  readonly path: string
  readonly tenant: Tenant
  readonly choice: Choice
  /** How to read dates like 3/4/1980. */
  readonly dates: DateOrder | undefined
}

export interface ImportDeps {
  readonly registry: Pick<Registry, 'acquire' | 'release'>
  readonly sql: Sql
  readonly clock: Clock
  /** Ends the import between two groups, with its reason. */
  readonly signal: AbortSignal
  readonly progress: (step: 'Checking' | 'Importing', bytesRead: number) => void
}

export async function importFile(request: ImportRequest, deps: ImportDeps): Promise<ImportReport> {
  const { path, tenant, choice } = request
  const { signal, progress } = deps
  const surveyed = await survey(new FileReading(choice), {
    path,
    tenant,
    dates: request.dates ?? choice.mapping?.dates,
    signal,
    onBytes: (bytesRead) => progress('Checking', bytesRead),
  })
  const reading = new FileReading(choice)
  const run = new ImportRun(tenant, deps, surveyed)
  await readFile(path, reading, async (items, bytesRead) => {
    await run.take(items)
    progress('Importing', bytesRead)
  })
  await run.finish()
  return run.report(reading)
}

class ImportRun {
  readonly #tenant: Tenant
  readonly #deps: ImportDeps
  readonly #survey: Survey
  readonly #create: CreateRecord
  readonly #companies: Companies
  readonly #columns = new ColumnUse()
  readonly #skipped = new Listed<ImportReport['skipped'][number]>()
  readonly #moved = new Listed<ImportReport['moved'][number]>()
  readonly #duplicates = new Listed<ImportReport['duplicates'][number]>()
  readonly #counts = { created: 0, existing: 0, deleted: 0, linked: 0, unlinked: 0, toDeleted: 0, unclearDates: 0 }
  /** Accounts that entries of this file were found to be, by name alone. */
  readonly #claimed = new Set<RecordId>()
  #group: Entry[] = []

  constructor(tenant: Tenant, deps: ImportDeps, surveyed: Survey) {
    this.#tenant = tenant
    this.#deps = deps
    this.#survey = surveyed
    this.#create = createWriter(deps.registry, tenant)
    this.#companies = new Companies(deps.sql, tenant, this.#create)
  }

  async take(items: readonly Item[]): Promise<void> {
    for (const item of items) {
      if (item.type === 'broken') this.#skipped.add({ line: item.line, reason: item.reason })
      else this.#read(item)
      if (this.#group.length >= GROUP) await this.finish()
    }
  }

  /** Writes what was taken so far. */
  async finish(): Promise<void> {
    this.#deps.signal.throwIfAborted()
    const group = this.#group
    this.#group = []
    const accounts = group.filter(({ draft }) => draft.recordType === 'account')
    // First the companies: people of the same group may belong to them.
    await this.#writeAccounts(accounts)
    await this.#writeContacts(group.filter(({ draft }) => draft.recordType === 'contact'))
  }

  report(reading: FileReading): ImportReport {
    const { created, existing, deleted, linked } = this.#counts
    return {
      format: reading.format ?? '',
      encoding: reading.encoding().name,
      read: created + existing + deleted + this.#duplicates.count,
      created,
      existing,
      deleted,
      duplicates: this.#duplicates.items,
      accounts: { created: this.#companies.created, linked },
      skipped: this.#skipped.items,
      moved: this.#moved.items,
      columns: this.#columns.list(),
      notes: [
        ...this.#skipped.rest('Skipped lines'),
        ...this.#moved.rest('Moved values'),
        ...this.#duplicates.rest('Repeated lines'),
        ...this.#notes(reading),
      ],
    }
  }

  #read(record: SourceRecord): void {
    const { line } = record
    const entry = entryOf(record, this.#tenant, this.#survey.order, () => uuidv7(this.#deps.clock))
    if (typeof entry === 'string') return this.#skipped.add({ line, reason: entry })
    for (const { column, target, value, spare } of record.assignments) {
      if (value.trim() === '') continue
      this.#columns.note(column, targetText(target))
      if (entry.draft.spared.has(column)) this.#columns.note(column, `fields.${spare}`)
    }
    const first = this.#survey.sightings.lineOf(entry.identity)
    if (first !== line && first !== 0) this.#duplicates.add({ line, sameAs: first })
    else this.#group.push(entry)
  }

  async #writeAccounts(entries: readonly Entry[]): Promise<void> {
    const missing = await this.#missing(entries)
    const called = await this.#companies.called(missing.map(({ draft }) => String(draft.content.fields.name)))
    const made: Entry[] = []
    for (const entry of missing) {
      const name = fold(String(entry.draft.content.fields.name))
      const [free] = (called.get(name) ?? []).filter((id) => !this.#claimed.has(id) && !this.#isInFile(id))
      if (free === undefined) made.push(entry)
      else {
        this.#claimed.add(free)
        this.#counts.existing += 1
      }
    }
    await Promise.all(made.map((entry) => this.#write(entry, entry.draft.content)))
    for (const { draft, identity } of made) {
      const id = idOf(identity)
      this.#claimed.add(id)
      this.#companies.remember(fold(String(draft.content.fields.name)), { id, deleted: false })
    }
  }

  /** An account that another line is known by is not free for one of the same name. */
  #isInFile(id: RecordId): boolean {
    const who = whoOf(id)
    return who !== undefined && this.#survey.sightings.countOf({ who }) > 0
  }

  async #writeContacts(entries: readonly Entry[]): Promise<void> {
    const missing = await this.#missing(entries)
    const companies = await this.#companies.of(missing.map(({ draft }) => draft))
    await Promise.all(
      missing.map(async (entry) => {
        const company = companies.get(entry.draft)
        const created = await this.#write(entry, linkedContent(entry.draft, company))
        if (!created || company === undefined) return
        if (company.id === undefined) this.#counts.unlinked += 1
        else this.#counts.linked += 1
        if (company.deleted) this.#counts.toDeleted += 1
      }),
    )
  }

  /** Those that are not stored yet; the others are counted. */
  async #missing(entries: readonly Entry[]): Promise<readonly Entry[]> {
    const [some] = entries
    if (some === undefined) return []
    const halves = entries.map(({ identity }) => identity.who)
    const stored = await storedUnder(this.#deps.sql, this.#tenant, some.draft.recordType, halves)
    return entries.filter((entry) => {
      const known = this.#known(entry, stored.get(entry.identity.who) ?? [])
      if (known === 'live') this.#counts.existing += 1
      else if (known !== undefined) this.#counts.deleted += 1
      return known === undefined
    })
  }

  #known({ identity }: Entry, stored: readonly StoredRecord[]): StoredRecord['state'] | undefined {
    const id = idOf(identity)
    const same = stored.find((record) => record.id === id)
    if (same !== undefined) return same.state
    if (stored.length === 0 || this.#survey.sightings.countOf(identity) > 1) return undefined
    return stored.some(({ state }) => state === 'live') ? 'live' : stored[0]?.state
  }

  async #write({ line, draft, identity }: Entry, content: FirstContent): Promise<boolean> {
    const creation = await this.#create(draft.recordType, idOf(identity), content)
    if (creation === 'created') this.#counts.created += 1
    else if (creation === 'existing') this.#counts.existing += 1
    else this.#counts.deleted += 1
    if (creation !== 'created') return false
    for (const { column, reason } of draft.moved) {
      this.#moved.add({ line, column, reason })
      if (reason === AMBIGUOUS_DATE) this.#counts.unclearDates += 1
    }
    return true
  }

  #notes(reading: FileReading): string[] {
    const { deleted, toDeleted, unlinked, unclearDates } = this.#counts
    const { name, utf8Lines, legacyLines } = reading.encoding()
    const dropped = reading.dropped()
    const [fewer, other] = name === 'windows-1252' ? [utf8Lines, 'UTF-8'] : [legacyLines, 'windows-1252']
    const counted: readonly (readonly [string, number])[] = [
      [`Lines read as ${other}, unlike the others`, fewer],
      ['Dates that could be read in two ways, now in the summary; say which with --dates before the first import', unclearDates],
      ['Deleted in Rapport since an earlier import, and left so', deleted],
      ['People linked to an account that is deleted in Rapport', toDeleted],
      ['People of an account that is erased in Rapport, with its name in their summary', unlinked],
      ['Pictures, sounds and keys in cards, left out', dropped],
    ]
    const proved = `Dates like 3/4/1980 were read ${this.#survey.order}, as other dates of the file prove.`
    return [
      ...(this.#survey.orderProved ? [proved] : []),
      ...counted.flatMap(([what, count]) => (count === 0 ? [] : [`${what}: ${count}.`])),
    ]
  }
}

function linkedContent(draft: Draft, company: Company | undefined): FirstContent {
  if (company === undefined) return draft.content
  if (company.id === undefined || company.deleted) {
    const content = withCompanyAsText(draft)
    return company.id === undefined ? content : { ...content, fields: { ...content.fields, account: company.id } }
  }
  return { ...draft.content, fields: { ...draft.content.fields, account: company.id } }
}
