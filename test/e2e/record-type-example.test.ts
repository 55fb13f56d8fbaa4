/** The README's example of a new record type, followed word for word in a copy of the sources. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { readContent } from '@rapport/shared/schema/read-content.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import { afterAll, expect, test } from 'vitest'
import { MAIN, testEnvironment } from '../support/data-folder.ts'
import { startServer } from '../support/server-process.ts'
import { copySources } from '../support/source-copy.ts'
import { openStock, until } from '../support/stock-client.ts'

const copy = copySources()
afterAll(() => copy.remove())

const run = (command: string, ...args: string[]): string =>
  execFileSync(`${copy.folder}node_modules/.bin/${command}`, args, { cwd: copy.folder, encoding: 'utf8', env: environment })
const environment = { ...process.env, ...testEnvironment(`${copy.folder}.data`), RAPPORT_SAMPLES: 'off' }

/** Every block of the README that names a file: new files are written, changes to others are made. */
function follow(readme: string): readonly string[] {
  return Array.from(readme.matchAll(/^```(ts|diff) file=(\S+)\n(.*?)^```$/gms), ([, kind, path = '', text = '']) => {
    const file = copy.folder + path
    writeFileSync(file, kind === 'ts' ? text : changed(readFileSync(file, 'utf8'), text))
    return path
  })
}

/** A line that goes must be there once; a line that comes stands behind the one before it. */
function changed(source: string, diff: string): string {
  const lines = source.split('\n')
  let at = -1
  for (const line of diff.trimEnd().split('\n')) {
    const text = line.slice(1)
    if (line.startsWith('+')) {
      at += 1
      lines.splice(at, 0, text)
      continue
    }
    expect(lines.filter((one) => one === text)).toHaveLength(1)
    at = lines.indexOf(text)
    if (line.startsWith('-')) {
      lines.splice(at, 1)
      at -= 1
    }
  }
  return lines.join('\n')
}

test('a record type is added as the README says: phones edit it, REST writes it, its rows follow', async () => {
  expect(follow(readFileSync(`${copy.folder}README.md`, 'utf8'))).toHaveLength(5)
  run('drizzle-kit', 'generate', '--config', 'drizzle/drizzle.config.ts')
  run('tsc', '--noEmit')
  run('biome', 'check', 'shared/records', 'drizzle/schema', 'drizzle/mappings')

  const server = await startServer(MAIN, environment, copy.folder)
  try {
    const cli = (...args: string[]): string => run('node', 'server/cli.ts', ...args)
    const token = cli('token', '--tenant', 'demo', '--sub', 'ann', '--role', 'rep').trim()
    const url = `http://${server.address}/v1/records/case`
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
    const body = { id: 'case-1', content: { fields: { subject: 'No dial tone', priority: 'urgent', contact: 'ana' } } }
    const refused = await fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify({ content: { fields: { status: 'lost' } } }),
    })
    expect(await refused.json()).toMatchObject({
      errors: expect.arrayContaining([
        { path: ['fields', 'status'], code: 'enum' },
        { path: ['fields', 'subject'], code: 'kind' },
      ]),
    })
    expect((await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).status).toBe(201)

    const phone = openStock(server.address, 'case', 'case-1', { token })
    await phone.synced()
    phone.doc.getMap('fields').set('status', 'waiting')
    phone.doc.getMap('tags').set('telephony', true)
    const { serviceCase } = (await import(`${copy.folder}shared/records/service-case.ts`)) as { serviceCase: RecordType }
    const shown = async (): Promise<boolean> => {
      const { content } = (await (await fetch(`${url}/case-1?projected=true`, { headers })).json()) as { content: object }
      return JSON.stringify(content) === JSON.stringify(readContent(serviceCase, phone.doc))
    }
    await until(shown, 'REST shows what the phone wrote')
    phone.destroy()
    const columns = 'id, subject, status, urgency, contact_id, channel, deleted_at'
    expect(JSON.parse(cli('sql', `select ${columns} from cases`))).toEqual([
      {
        id: 'case-1',
        subject: 'No dial tone',
        status: 'waiting',
        urgency: 'P1',
        contact_id: 'ana',
        channel: 'rapport',
        deleted_at: null,
      },
    ])
    expect(JSON.parse(cli('sql', 'select case_id, tag from case_tags'))).toEqual([{ case_id: 'case-1', tag: 'telephony' }])
  } finally {
    await server.stop()
  }
})
