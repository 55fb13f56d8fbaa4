/** What `cli import` refuses before it opens anything, each in one sentence. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importCustomers } from '../../../server/commands/import.ts'
import { readConfig } from '../../../server/config.ts'

const GOOGLE = fileURLToPath(new URL('../../fixtures/import/google.csv', import.meta.url))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rapport-import-'))
  await writeFile(join(folder, 'unknown.csv'), 'secret,other\nsecret,secret\n')
  await writeFile(join(folder, 'mapping.json'), JSON.stringify({ columns: { Name: 'fields.nonsense' } }))
  await writeFile(join(folder, 'name.json'), JSON.stringify({ columns: { Name: 'name' } }))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test.each([
  [[], /^import takes one file\.$/],
  [['a', 'b'], /^import takes one file\.$/],
  [['nowhere.csv'], /^The file cannot be read \(ENOENT\)\.$/],
  [['.'], /^import reads a regular file; this is a folder or a pipe\.$/],
  [[GOOGLE, '--tenant', 'no tenant'], /^--tenant must be 1 to 64 letters, digits, dots, dashes or underscores\.$/],
  [[GOOGLE, '--format', 'excel'], /^--format must be one of vcard, google, outlook, hubspot, csv\.$/],
  [[GOOGLE, '--dates', 'american'], /^--dates must be one of day-first, month-first\.$/],
  [[GOOGLE, '--format', 'csv'], /^The format csv needs a mapping file, given with --mapping\.$/],
  [[GOOGLE, '--format', 'vcard'], /^The file does not begin with BEGIN:VCARD\.$/],
  [[GOOGLE, '--mapping', 'nowhere.json'], /^The mapping file cannot be read \(ENOENT\)\.$/],
  [[GOOGLE, '--mapping', 'FOLDER/name.json'], /^The mapping file names a column “Name”, which the file does not have\.$/],
  [[GOOGLE, '--mapping', 'FOLDER/name.json', '--format', 'google'], /^--mapping goes with the format csv; the others know /],
  [[GOOGLE, '--nonsense'], /--nonsense/],
  [
    ['FOLDER/unknown.csv'],
    /^The columns of the file are not those of a Google Contacts, Outlook or HubSpot export: .* --mapping\.$/,
  ],
  [
    ['FOLDER/unknown.csv', '--mapping', 'FOLDER/mapping.json'],
    /^The mapping file sends the column “Name” to “fields\.nonsense”, /,
  ],
])('import %j', async (args, sentence) => {
  const config = readConfig({ RAPPORT_DATA_DIR: join(folder, 'untouched') })
  const refused = importCustomers(
    config,
    args.map((one) => one.replace('FOLDER', folder)),
  )
  await expect(refused).rejects.toThrow(sentence)
  await expect(refused).rejects.not.toThrow(/secret|\n/)
})
