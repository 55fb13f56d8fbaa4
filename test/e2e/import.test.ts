/** `cli import` as a user runs it: through the command line, on the embedded database, beside a server and without one. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ImportReport } from '../../server/import/report.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openStock } from '../support/stock-client.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const fixture = (name: string): string => join(root, 'test/fixtures/import', name)
/** Five thousand people take half a minute on a slow machine, most of it for their rows. */
const LONG = 240_000

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Running {
  readonly child: ChildProcess
  readonly outcome: Promise<Outcome>
  /** Resolves once stderr says so. */
  says(text: string): Promise<void>
}

function start(dataDirectory: string, ...args: readonly string[]): Running {
  const env = { ...process.env, RAPPORT_DATA_DIR: dataDirectory, DATABASE_URL: '' }
  const child = spawn(process.execPath, ['--import', './server/node-version.mjs', 'server/cli.ts', ...args], { cwd: root, env })
  let [stdout, stderr] = ['', '']
  const listeners = new Set<() => void>()
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
    for (const listener of listeners) listener()
  })
  return {
    child,
    outcome: new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr }))),
    says: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!stderr.includes(text)) return
          listeners.delete(look)
          resolve()
        }
        listeners.add(look)
        look()
      }),
  }
}

async function imported(dataDirectory: string, ...args: readonly string[]): Promise<ImportReport> {
  const { code, stdout, stderr } = await start(dataDirectory, 'import', ...args).outcome
  expect([code, stderr]).toEqual([
    0,
    expect.stringMatching(/^Checking \d+%\n(Checking \d+%\n)*Importing \d+%\n(Importing \d+%\n)*Writing rows …\n$/),
  ])
  return JSON.parse(stdout) as ImportReport
}

async function rows<T>(dataDirectory: string, statement: string): Promise<T[]> {
  const { stdout } = await start(dataDirectory, 'sql', statement).outcome
  return JSON.parse(stdout) as T[]
}

interface Counts {
  readonly people: number
  readonly numbers: number
  readonly linked: number
  readonly companies: number
}

/** Of those whose e-mail address is in the generated file. */
const COUNTS = `
select count(*) as people, count(distinct e.address) as numbers, count(a.id) as linked, count(distinct a.id) as companies
from public.contacts c
join public.contact_emails e on e.tenant = c.tenant and e.contact_id = c.id and e.address like '%@generated.example'
left join public.accounts a on a.tenant = c.tenant and a.id = c.account_id and a.name = 'Company ' || (split_part(e.address, '@', 1)::int % 50)
where c.tenant = 'demo'`

const PEOPLE = 5_000
const ALL: Counts = { people: PEOPLE, numbers: PEOPLE, linked: PEOPLE, companies: 50 }
/** Line numbers of the broken ones. Each person takes two lines. */
const BROKEN = [2_002, 5_001, 8_004]
const SKIPPED = [
  { line: 2_002, reason: 'it has 3 columns where the header has 8' },
  { line: 5_001, reason: 'a quote is opened and not closed, or stands inside a value without being doubled' },
  { line: 8_004, reason: 'it has no name and no e-mail address, telephone number or company' },
]

/** People in Google's columns, in random order of nothing: number 7 is always number 7. */
function generated(): string {
  const lines = ['First Name,Last Name,Organization Name,Labels,Notes,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Value']
  const add = (...more: readonly string[]): void => {
    if (lines.length + 1 === BROKEN[0]) lines.push('Too,few,columns')
    if (lines.length + 1 === BROKEN[1]) lines.push('Never,"closed,,,,,never@generated.example,')
    if (lines.length + 1 === BROKEN[2]) lines.push(',,,* myContacts,Nobody,,,')
    lines.push(...more)
  }
  for (let index = 0; index < PEOPLE; index += 1) {
    const phone = `+1 503 555 ${String(index).padStart(4, '0')}`
    add(
      `First${index},Last${index},Company ${index % 50},* myContacts,"A note`,
      `on two lines",* Work,${index}@generated.example,${phone}`,
    )
  }
  return `${lines.join('\n')}\n`
}

let folder: string
let people: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rapport-import-'))
  people = join(folder, 'people.csv')
  await writeFile(people, generated())
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test(
  'without a server: killed in the middle, run again and once more, 5,000 people are there once',
  async () => {
    const data = join(folder, 'alone')
    const killed = start(data, 'import', people)
    await killed.says('Importing ')
    killed.child.kill('SIGKILL')
    expect((await killed.outcome).stdout).toBe('')

    const second = await imported(data, people)
    expect(second).toMatchObject({ format: 'google', encoding: 'utf-8', read: PEOPLE, skipped: SKIPPED, moved: [], notes: [] })
    expect(second.existing).toBeGreaterThan(0)
    expect(second.created + second.existing).toBe(PEOPLE)
    expect(await rows(data, COUNTS)).toEqual([ALL])

    const third = await imported(data, people)
    expect(third).toMatchObject({
      read: PEOPLE,
      created: 0,
      existing: PEOPLE,
      accounts: { created: 0, linked: 0 },
      skipped: SKIPPED,
    })
    expect(await rows(data, COUNTS)).toEqual([ALL])
  },
  LONG,
)

describe('beside a running server', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer()
  })
  afterAll(() => server.stop())

  test(
    '5,000 people, twice, are there once, and phones and REST show them',
    async () => {
      const first = await imported(server.dataDirectory, people)
      expect(first).toMatchObject({ read: PEOPLE, created: PEOPLE, existing: 0, accounts: { created: 50, linked: PEOPLE } })
      expect(first.skipped).toEqual(SKIPPED)
      const second = await imported(server.dataDirectory, people)
      expect(second).toMatchObject({ read: PEOPLE, created: 0, existing: PEOPLE, accounts: { created: 0, linked: 0 } })
      expect(second.skipped).toEqual(SKIPPED)
      expect(await rows(server.dataDirectory, COUNTS)).toEqual([ALL])

      const [one] = await rows<{ id: string }>(
        server.dataDirectory,
        "select id from public.contacts where last_name = 'Last4711'",
      )
      const token = await server.token('ann')
      const answer = await server.get(`/v1/records/contact/${one?.id}`, token)
      expect(await answer.json()).toMatchObject({
        createdBy: 'rapport',
        content: { fields: { firstName: 'First4711' }, summary: 'A note\non two lines' },
      })
      const phone = openStock(server.address, 'contact', one?.id ?? '', { token })
      await phone.synced()
      expect(phone.doc.getMap('fields').toJSON()).toMatchObject({ firstName: 'First4711', lastName: 'Last4711' })
      phone.destroy()
    },
    LONG,
  )

  test.each([
    ['windows-1252', (text: string) => Buffer.from(text.replaceAll('€', '\x80'), 'latin1')],
    ['utf-16le', (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['utf-8', (text: string) => Buffer.from(`\uFEFF${text}`)],
  ])('a file in %s, into a tenant of its own', async (encoding, encode) => {
    const path = join(folder, `${encoding}.csv`)
    await writeFile(path, encode('First Name;Last Name;E-mail Address;Notes\r\nJürgen;Groß;j@x.example;5 €\r\n'))
    const report = await imported(server.dataDirectory, path, '--tenant', encoding)
    expect(report).toMatchObject({ format: 'outlook', encoding, read: 1, created: 1, skipped: [] })
    const found = `select first_name, last_name, summary from public.contacts where tenant = '${encoding}'`
    expect(await rows(server.dataDirectory, found)).toEqual([{ first_name: 'Jürgen', last_name: 'Groß', summary: '5 €' }])
  })

  test('a mapping file, cards, and the rows that come of them', async () => {
    const args = ['--tenant', 'several']
    const mapping = ['--mapping', fixture('other.mapping.json')]
    expect(await imported(server.dataDirectory, fixture('other.csv'), ...mapping, ...args)).toMatchObject({
      format: 'csv',
      created: 2,
    })
    expect(await imported(server.dataDirectory, fixture('standard-4.vcf'), ...args)).toMatchObject({
      format: 'vcard',
      created: 3,
    })
    const found = `
      select c.first_name, c.stage, c.credit_limit, c.custom, a.name as account,
        (select array_agg(t.tag order by t.tag) from public.contact_tags t where t.tenant = c.tenant and t.contact_id = c.id) as tags
      from public.contacts c left join public.accounts a on a.tenant = c.tenant and a.id = c.account_id
      where c.tenant = 'several' and c.first_name in ('Zoë', 'Yuki') order by c.first_name`
    expect(await rows(server.dataDirectory, found)).toMatchObject([
      { first_name: 'Yuki', account: 'Tessaline', tags: null },
      {
        first_name: 'Zoë',
        stage: 'customer',
        credit_limit: '1250.5000',
        custom: { x_score: 7.5, x_newsletter: true },
        account: 'Bär & Söhne GmbH',
        tags: ['A-Kunde', 'Messe'],
      },
    ])
  })

  test('an interrupted import says so in one line, and goes on when it is run again', async () => {
    const args = ['import', people, '--tenant', 'interrupted'] as const
    const running = start(server.dataDirectory, ...args)
    await running.says('Checking ')
    running.child.kill('SIGINT')
    const { code, stdout, stderr } = await running.outcome
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/\nThe import was interrupted; run the same command again, and it goes on where it ended\.\n$/)
  })
})

test.each([
  ['a file that is not there', 'nowhere.csv', /^The file cannot be read \(ENOENT\)\.\n$/],
  ['a table of which nothing is known', 'unknown.csv', /^The columns of the file are not those of [^\n]* --mapping\.\n$/],
])('%s is refused in one line on stderr, before anything is opened', async (_, name, line) => {
  await writeFile(join(folder, 'unknown.csv'), 'secret,other\nsecret,secret\n')
  const data = join(folder, 'untouched')
  const { code, stdout, stderr } = await start(data, 'import', join(folder, name)).outcome
  expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(line)])
  expect(existsSync(data)).toBe(false)
})
