/** The README is believed by people who have read nothing else: what it lists is what there is. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CLOSE_CODES } from '@rapport/shared/protocol/close-codes.ts'
import { recordTypes } from '@rapport/shared/records/record-types.ts'
import { expect, test } from 'vitest'

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')
const readme = read('README.md')

/** All names that a pattern finds in a text, each once, sorted. */
function namesIn(text: string, pattern: RegExp): readonly string[] {
  return [...new Set(Array.from(text.matchAll(pattern), ([name]) => name))].sort()
}

test('the two reps to paste are the example that is tested', () => {
  const pasted = /<<'JS'\n(.*?)^JS$/ms.exec(readme)?.[1]
  expect(pasted).toBe(read('client-kit/examples/two-reps.mjs'))
})

test('every environment variable of the configuration is listed, and no other', () => {
  const listed = readme.slice(readme.indexOf('### Environment'), readme.indexOf('### Tokens'))
  const names = /\b(?:RAPPORT_[A-Z_]+|PORT|HOST|DATABASE_URL|LOG_LEVEL)\b/g
  const configured = namesIn(read('server/config.ts'), /(?<=')(?:RAPPORT_[A-Z_]+|PORT|HOST|DATABASE_URL|LOG_LEVEL)(?=')/g)
  expect(namesIn(listed, names)).toEqual(configured)
})

test('every close code is listed, and no other', () => {
  const listed = readme.slice(readme.indexOf('| close code'), readme.indexOf('A missing or unverifiable token'))
  const codes = Object.values(CLOSE_CODES).map(({ code }) => String(code))
  expect(namesIn(listed, /\b[14]\d{3}\b/g)).toEqual(codes.sort())
})

test('every field of every record type is listed', () => {
  for (const { name, fields } of Object.values(recordTypes)) {
    const row = readme.split('\n').find((line) => line.startsWith(`| \`${name}\` |`)) ?? ''
    for (const field of Object.keys(fields)) expect(row, `${name}: ${field}`).toMatch(new RegExp(`\\b${field}\\b`))
  }
})

test('every file that it links to exists', () => {
  for (const [, path = ''] of readme.matchAll(/\]\((?!http)([^)#]+)\)/g)) {
    if (!path.endsWith('/') && /\.\w+$/.test(path)) expect(() => read(path), path).not.toThrow()
  }
})
