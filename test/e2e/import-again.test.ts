/**
 * What an import finds and makes, run for run: files that come again, in another order, changed, or about the same people. On one
 * embedded database, a tenant for each test, with the rows written after each run as the command does.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@rapport/shared/clock.ts'
import { parseRecordId, parseTenant, type Tenant } from '@rapport/shared/ids.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { editorOf } from '@rapport/shared/schema/edit.ts'
import { writeMeta } from '@rapport/shared/schema/layout.ts'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serverPrincipal } from '../../server/auth/tokens.ts'
import { readConfig } from '../../server/config.ts'
import { openDatabase } from '../../server/db.ts'
import { type Engine, startEngine } from '../../server/engine.ts'
import { importFile } from '../../server/import/importer.ts'
import { parseMapping } from '../../server/import/mapping-file.ts'
import type { ImportReport } from '../../server/import/report.ts'
import type { DateOrder } from '../../server/import/values.ts'
import { createLifecycle, type Lifecycle } from '../../server/lifecycle.ts'
import { createMetrics } from '../../server/observability/metrics.ts'
import { silent } from '../support/database.ts'

let folder: string
let lifecycle: Lifecycle
let engine: Engine
let tenants = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rapport-import-'))
  lifecycle = createLifecycle(systemClock, silent)
  const config = readConfig({ RAPPORT_DATA_DIR: folder })
  engine = await startEngine({ config, clock: systemClock, log: silent, metrics: createMetrics(), lifecycle, open: openDatabase })
})
afterAll(async () => {
  await lifecycle.stop()
  await rm(folder, { recursive: true, force: true })
})

function newTenant(): Tenant {
  tenants += 1
  const tenant = parseTenant(`tenant-${tenants}`)
  if (tenant === undefined) throw new Error('not a tenant')
  return tenant
}

interface Options {
  readonly mapping?: unknown
  readonly dates?: DateOrder
  readonly signal?: AbortSignal
}

async function run(tenant: Tenant, text: string, { mapping, dates, signal }: Options = {}): Promise<ImportReport> {
  const path = join(folder, 'file')
  await writeFile(path, text)
  const choice = mapping === undefined ? {} : { mapping: parseMapping(JSON.stringify(mapping)) }
  const report = await importFile(
    { path, tenant, choice, dates },
    {
      registry: engine.registry,
      sql: engine.database.sql,
      clock: systemClock,
      signal: signal ?? new AbortController().signal,
      progress: () => undefined,
    },
  )
  await engine.projector.drain()
  return report
}

interface Row {
  readonly id: string
  readonly name: string
  readonly account: string | null
  readonly summary: string | null
  readonly sequence: number
}

async function people(tenant: Tenant): Promise<readonly Row[]> {
  return await engine.database.sql<Row[]>`
    select c.id, concat_ws(' ', c.first_name, c.last_name) as name, a.name as account, c.summary, c.sequence
    from public.contacts c left join public.accounts a on a.tenant = c.tenant and a.id = c.account_id
    where c.tenant = ${tenant} order by name, c.summary, c.id`
}

async function accounts(tenant: Tenant): Promise<readonly string[]> {
  const rows = await engine.database.sql<{ name: string }[]>`
    select name from public.accounts where tenant = ${tenant} order by name`
  return rows.map((row) => row.name)
}

const HEADER = 'First Name,Last Name,Company,E-mail Address,Mobile Phone,Notes'
const table = (...rows: readonly string[]): string => [HEADER, ...rows].join('\n')
const ANN = 'Ann,Lee,Acme Inc,ann@x.example,,first note'
const OTHER_ANN = 'Ann,Lee,Acme Inc,ann@x.example,,second note'
const BOB = 'Bob,Ray,ACME  inc,,+49 30 1234567,'
const EVE = 'Eve,,,,,'

describe('P9: what is there is left as it is, and nothing comes twice', () => {
  test('the same file again', async () => {
    const tenant = newTenant()
    expect(await run(tenant, table(ANN, BOB, EVE))).toMatchObject({
      read: 3,
      created: 3,
      existing: 0,
      accounts: { created: 1, linked: 2 },
    })
    const before = await people(tenant)
    expect(before.map(({ name, account }) => [name, account])).toEqual([
      ['Ann Lee', 'Acme Inc'],
      ['Bob Ray', 'Acme Inc'],
      ['Eve', null],
    ])
    expect(await run(tenant, table(EVE, BOB, ANN))).toMatchObject({
      read: 3,
      created: 0,
      existing: 3,
      accounts: { created: 0, linked: 0 },
    })
    expect(await people(tenant)).toEqual(before)
  })

  test('a file that says something new of somebody', async () => {
    const tenant = newTenant()
    await run(tenant, table(ANN))
    expect(await run(tenant, table(OTHER_ANN))).toMatchObject({ created: 0, existing: 1 })
    expect((await people(tenant)).map(({ summary }) => summary)).toEqual(['first note'])
  })

  test('what a rep has changed since', async () => {
    const tenant = newTenant()
    await run(tenant, table(ANN))
    const [row] = await people(tenant)
    const id = parseRecordId(row?.id ?? '')
    if (id === undefined) throw new Error('no record')
    const room = await engine.registry.acquire({ tenant, type: 'contact', id })
    await room.edit(serverPrincipal(tenant), (document) => editorOf(contact, document).set('lastName', 'Lee-Ray'))
    engine.registry.release(room)
    expect(await run(tenant, table(ANN))).toMatchObject({ created: 0, existing: 1 })
    expect((await people(tenant)).map(({ name, sequence }) => [name, sequence])).toEqual([['Ann Lee-Ray', 2]])
  })

  test('P11: another tenant has its own', async () => {
    const [one, other] = [newTenant(), newTenant()]
    await run(one, table(ANN))
    expect(await run(other, table(ANN))).toMatchObject({ created: 1, accounts: { created: 1 } })
    expect(await people(one)).toHaveLength(1)
    expect(await people(other)).toHaveLength(1)
  })
})

describe('lines about the same person in one file', () => {
  test('one that says the same is a repetition', async () => {
    const tenant = newTenant()
    const text = table(ANN, BOB, ANN.toUpperCase(), ` ${ANN}`)
    expect(await run(tenant, text)).toMatchObject({
      read: 4,
      created: 2,
      duplicates: [
        { line: 4, sameAs: 2 },
        { line: 5, sameAs: 2 },
      ],
    })
    expect(await run(tenant, text)).toMatchObject({ read: 4, created: 0, existing: 2, duplicates: [{ line: 4 }, { line: 5 }] })
  })

  test.each([
    ['in the same order', [ANN, OTHER_ANN]],
    ['in another order', [OTHER_ANN, ANN]],
    ['of which one is gone', [OTHER_ANN]],
  ])('of several that differ each is kept, and found again %s', async (_, again) => {
    const tenant = newTenant()
    expect(await run(tenant, table(ANN, OTHER_ANN))).toMatchObject({ created: 2 })
    expect(await run(tenant, table(...again))).toMatchObject({ created: 0, existing: again.length })
    expect((await people(tenant)).map(({ summary }) => summary)).toEqual(['first note', 'second note'])
  })

  test.each([
    ['behind', [ANN, OTHER_ANN]],
    ['before', [OTHER_ANN, ANN]],
  ])('one that comes later, %s the one that is known, is made', async (_, later) => {
    const tenant = newTenant()
    await run(tenant, table(ANN))
    expect(await run(tenant, table(...later))).toMatchObject({ created: 1, existing: 1 })
    expect((await people(tenant)).map(({ summary }) => summary)).toEqual(['first note', 'second note'])
  })

  test('any files with any lines in any order lose nobody, and make nobody twice', async () => {
    const line = fc
      .tuple(fc.constantFrom('Ann', 'Bob'), fc.nat(3))
      .map(([name, note]) => `${name},Lee,,${name}@x.example,,note ${note}`)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(line, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
        async (files) => {
          const tenant = newTenant()
          for (const lines of files) {
            const before = await people(tenant)
            const report = await run(tenant, table(...lines))
            const after = await people(tenant)
            expect(report.created).toBe(after.length - before.length)
            expect(report.read).toBe(lines.length)
            // What was there is there, whole; and the same file once more makes nothing.
            for (const row of before) expect(after).toContainEqual(row)
            expect(await run(tenant, table(...lines))).toMatchObject({ created: 0 })
            expect(await run(tenant, table(...lines.toReversed()))).toMatchObject({ created: 0 })
            const texts = after.map(({ name, summary }) => `${name}: ${summary}`)
            expect(new Set(texts).size).toBe(texts.length)
            // Somebody of whom the file says one thing may be known by another; of whom it says several, by all of them.
            for (const name of ['Ann', 'Bob']) {
              const said = new Set(lines.filter((one) => one.startsWith(name)).map((one) => `${name} Lee: ${one.split(',')[5]}`))
              if (said.size > 1) expect(texts).toEqual(expect.arrayContaining([...said]))
              if (said.size === 1) expect(texts.some((text) => text.startsWith(name))).toBe(true)
            }
          }
        },
      ),
      { numRuns: 12 },
    )
  })
})

describe('what was removed in Rapport', () => {
  async function edit(tenant: Tenant, id: string, change: 'delete' | 'erase'): Promise<void> {
    const key = { tenant, type: 'contact', id: parseRecordId(id) }
    if (key.id === undefined) throw new Error('no record')
    if (change === 'erase') {
      await engine.database.sql`update rapport.records set erased = true where tenant = ${tenant} and id = ${id}`
      return
    }
    const room = await engine.registry.acquire({ ...key, id: key.id })
    await room.edit(serverPrincipal(tenant), (document) => writeMeta(document, { deletedAt: Date.parse('2026-01-01') }))
    engine.registry.release(room)
    await engine.projector.drain()
  }

  test.each(['delete', 'erase'] as const)('%s: stays so, and is counted', async (change) => {
    const tenant = newTenant()
    await run(tenant, table(ANN, EVE))
    const [row] = await people(tenant)
    await edit(tenant, row?.id ?? '', change)
    const report = await run(tenant, table(ANN, EVE))
    expect(report).toMatchObject({ created: 0, existing: 1, deleted: 1 })
    expect(report.notes).toEqual(['Deleted in Rapport since an earlier import, and left so: 1.'])
    expect(await run(tenant, table(OTHER_ANN))).toMatchObject({ created: 0, existing: 0, deleted: 1 })
  })

  test('people of a deleted account are linked to it, and say its name', async () => {
    const tenant = newTenant()
    await run(tenant, table(ANN))
    const [account] = await engine.database.sql<{ id: string }[]>`select id from public.accounts where tenant = ${tenant}`
    const id = parseRecordId(account?.id ?? '')
    if (id === undefined) throw new Error('no account')
    const room = await engine.registry.acquire({ tenant, type: 'account', id })
    await room.edit(serverPrincipal(tenant), (document) => writeMeta(document, { deletedAt: Date.parse('2026-01-01') }))
    engine.registry.release(room)
    await engine.projector.drain()
    expect(await run(tenant, table(BOB))).toMatchObject({
      created: 1,
      accounts: { created: 0, linked: 1 },
      notes: ['People linked to an account that is deleted in Rapport: 1.'],
    })
    expect((await people(tenant)).map(({ account: name, summary }) => [name, summary])).toContainEqual([
      'Acme Inc',
      'Imported: company: ACME  inc',
    ])
  })
})

describe('companies', () => {
  test.each([
    ['Müller & Söhne', 'MÜLLER & SÖHNE'],
    ['MÜLLER & SÖHNE', 'Müller  & söhne '],
    ['müller &  söhne', 'Müller & Söhne'],
  ])('the account %s that a person made is found as %s', async (made, written) => {
    const tenant = newTenant()
    const id = parseRecordId('made-by-hand')
    if (id === undefined) throw new Error('no id')
    const room = await engine.registry.acquire({ tenant, type: 'account', id })
    await room.edit(serverPrincipal(tenant), (document) => document.getMap('fields').set('name', made))
    engine.registry.release(room)
    await engine.projector.drain()
    expect(await run(tenant, table(`Ann,Lee,${written},,,`))).toMatchObject({ accounts: { created: 0, linked: 1 } })
    expect((await people(tenant)).map(({ account }) => account)).toEqual([made])
    const companies = `Record ID,Company name\n1,${written}\n2,${written}\n`
    expect(await run(tenant, companies)).toMatchObject({ created: 1, existing: 1 })
    expect(await run(tenant, companies)).toMatchObject({ created: 0, existing: 2 })
  })

  const COMPANIES = 'Record ID,Company name,Industry\n1,Acme Inc,Tools\n2,Acme Inc,Rockets\n3,Bär GmbH,Beer\n'
  const CONTACTS = 'Record ID,First Name,Email,Associated Company\n1,Ann,ann@x.example,ACME INC\n2,Bob,bob@x.example,bär gmbh\n'

  test('imported first, they are what people are linked to', async () => {
    const tenant = newTenant()
    expect(await run(tenant, COMPANIES)).toMatchObject({ created: 3, existing: 0, accounts: { created: 0, linked: 0 } })
    expect(await run(tenant, CONTACTS)).toMatchObject({ created: 2, accounts: { created: 0, linked: 2 } })
    expect(await run(tenant, COMPANIES)).toMatchObject({ created: 0, existing: 3 })
    expect(await accounts(tenant)).toEqual(['Acme Inc', 'Acme Inc', 'Bär GmbH'])
  })

  test('imported after the people, they are the accounts that were made for those, and only further ones are made', async () => {
    const tenant = newTenant()
    expect(await run(tenant, CONTACTS)).toMatchObject({ created: 2, accounts: { created: 2, linked: 2 } })
    expect(await run(tenant, COMPANIES)).toMatchObject({ created: 1, existing: 2 })
    expect(await run(tenant, COMPANIES)).toMatchObject({ created: 0, existing: 3 })
    expect(await accounts(tenant)).toEqual(['ACME INC', 'Acme Inc', 'bär gmbh'])
  })

  test.each([
    ['behind', '1,Acme Inc,Tools\n2,Acme Inc,Rockets\n'],
    ['before', '2,Acme Inc,Rockets\n1,Acme Inc,Tools\n'],
  ])('of two with one name, the one that is new is made, %s the one that is known', async (_, lines) => {
    const tenant = newTenant()
    const header = 'Record ID,Company name,Industry\n'
    await run(tenant, `${header}1,Acme Inc,Tools\n`)
    expect(await run(tenant, header + lines)).toMatchObject({ created: 1, existing: 1 })
    expect(await run(tenant, header + lines)).toMatchObject({ created: 0, existing: 2 })
    expect(await accounts(tenant)).toEqual(['Acme Inc', 'Acme Inc'])
  })

  test('a card of a company and cards of its people in one file make one account', async () => {
    const tenant = newTenant()
    const card = (...lines: string[]): string => ['BEGIN:VCARD', 'VERSION:4.0', ...lines, 'END:VCARD', ''].join('\n')
    const text = card('FN:Ann Lee', 'ORG:Acme') + card('KIND:org', 'FN:Acme', 'URL:acme.example') + card('FN:Bob Ray', 'ORG:ACME')
    expect(await run(tenant, text)).toMatchObject({ created: 3, accounts: { created: 0, linked: 2 } })
    expect(await run(tenant, text)).toMatchObject({ created: 0, existing: 3 })
    expect(await accounts(tenant)).toEqual(['Acme'])
  })
})

describe('dates that could be read in two ways', () => {
  const BIRTHDAYS = 'First Name,Last Name,E-mail Address,Birthday\nAnn,,,3/4/1980\n'
  const birthdays = async (tenant: Tenant): Promise<readonly (string | null)[]> => {
    const rows = await engine.database.sql<{ birthday: string | null }[]>`
      select birthday from public.contacts where tenant = ${tenant} order by first_name`
    return rows.map((row) => row.birthday)
  }

  test('are kept as text where nothing tells', async () => {
    const tenant = newTenant()
    const report = await run(tenant, BIRTHDAYS)
    expect(report.moved).toEqual([{ line: 2, column: 'Birthday', reason: 'day and month cannot be told apart' }])
    expect(report.notes).toEqual([
      'Dates that could be read in two ways, now in the summary; say which with --dates before the first import: 1.',
    ])
    expect(await birthdays(tenant)).toEqual([null])
  })

  test.each([
    ['day-first', '31/12/1980', '1980-04-03'],
    ['month-first', '12/31/1980', '1980-03-04'],
  ] as const)('are read %s where another date of the file, though a later one, proves that', async (order, proof, expected) => {
    const tenant = newTenant()
    const report = await run(tenant, `${BIRTHDAYS}Bob,,,${proof}\n`)
    expect(report.notes).toEqual([`Dates like 3/4/1980 were read ${order}, as other dates of the file prove.`])
    expect(await birthdays(tenant)).toEqual([expected, '1980-12-31'])
  })

  test('are read as the user says', async () => {
    const tenant = newTenant()
    await run(tenant, BIRTHDAYS, { dates: 'day-first' })
    expect(await birthdays(tenant)).toEqual(['1980-04-03'])
  })
})

test('an import that is ended between two groups goes on when it is run again', async () => {
  const tenant = newTenant()
  const rows = Array.from({ length: 700 }, (_, index) => `Ann${index},Lee,Company ${index % 7},ann${index}@x.example,,`)
  const ending = new AbortController()
  let entries = 0
  const { acquire } = engine.registry
  const counted = {
    ...engine.registry,
    acquire: (key: Parameters<typeof acquire>[0]) => {
      entries += 1
      if (entries === 300) ending.abort(new Error('enough'))
      return acquire(key)
    },
  }
  const path = join(folder, 'ended')
  await writeFile(path, table(...rows))
  const deps = { sql: engine.database.sql, clock: systemClock, progress: () => undefined }
  const request = { path, tenant, choice: {}, dates: undefined }
  await expect(importFile(request, { ...deps, registry: counted, signal: ending.signal })).rejects.toThrow('enough')
  await engine.projector.drain()
  const made = (await people(tenant)).length
  expect(made).toBeGreaterThan(0)
  expect(made).toBeLessThan(700)
  expect(await run(tenant, table(...rows))).toMatchObject({ created: 700 - made, existing: made })
  expect(await people(tenant)).toHaveLength(700)
  expect(await accounts(tenant)).toHaveLength(7)
})

test('the report says where every column went, and never a value', async () => {
  const report = await run(
    newTenant(),
    'Record ID,First Name,Email,Phone Number,Lifecycle Stage,Shoe Size\n1,Zacharias,zach@x.example,ring twice,Evangelist,39\n',
  )
  expect(report.columns).toEqual([
    { column: 'Record ID', to: ['id', 'fields.x_record_id'] },
    { column: 'First Name', to: ['fields.firstName'] },
    { column: 'Email', to: ['emails[1].address'] },
    { column: 'Phone Number', to: ['phones[1].number'] },
    { column: 'Lifecycle Stage', to: ['fields.stage', 'fields.x_lifecycle_stage'] },
    { column: 'Shoe Size', to: ['fields.x_shoe_size'] },
  ])
  expect(report.moved).toEqual([{ line: 2, column: 'Phone Number', reason: 'it is not a telephone number' }])
  expect(JSON.stringify(report)).not.toMatch(/Zacharias|zach@|ring twice|Evangelist|"39"/)
})
