/**
 * Holds the structure of the house (design, section 3) against the sources as they are. Each rule is also shown to fail on a
 * small example of its own, since a guard that cannot fail guards nothing.
 */
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { violations } from './support/architecture-rules.ts'
import { readSource } from './support/source-graph.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FOLDERS = '{shared,drizzle,server,client-kit,test,bench}/**/*.{ts,mjs}'

/** The violations of a small imaginary repository. */
function judge(files: Readonly<Record<string, string>>): readonly string[] {
  return violations(Object.entries(files).map(([path, text]) => readSource(path, text)))
}

test('the sources keep every rule of the house', () => {
  const paths = globSync(FOLDERS, { cwd: ROOT, exclude: ['**/node_modules/**', 'bench/peers/**'] }).sort()
  const sources = paths.map((path) => readSource(path, readFileSync(`${ROOT}${path}`, 'utf8')))
  const room = sources.find((source) => source.path === 'server/document/room.ts')
  expect(room?.imports.map((imported) => imported.specifier)).toContain('../log/entry.ts')
  expect(violations(sources)).toEqual([])
})

describe('ranks', () => {
  const low = { 'server/log/a.ts': 'export const a = 1' }

  test('a lower rank and the own folder may be imported', () => {
    const files = {
      ...low,
      'shared/ids.ts': 'export type Id = string',
      'server/log/b.ts':
        "import { a } from './a.ts'\nimport type { Id } from '@rapport/shared/ids.ts'\nexport const b: Id = String(a)",
      'server/document/c.ts': "import { a } from '../log/a.ts'\nexport const c = a",
      'server/app.ts': "import { s } from './samples/s.ts'\nexport const app = s",
      'server/samples/s.ts': 'export const s = 1',
      'test/t.test.ts': "import { app } from '../server/app.ts'\nimport { k } from '@rapport/client-kit/k.ts'\napp + k",
      'client-kit/k.ts': "import type { Id } from '@rapport/shared/ids.ts'\nexport const k: Id = ''",
    }
    expect(judge(files)).toEqual([])
  })

  const forbidden: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'a higher rank': { ...low, 'shared/x.ts': "import { a } from '../server/log/a.ts'\nexport const x = a" },
    'a neighbour of the same rank': { ...low, 'server/auth/x.ts': "import { a } from '../log/a.ts'\nexport const x = a" },
    'a higher rank, type only': {
      ...low,
      'shared/x.ts': "import type { a } from '@rapport/server/log/a.ts'\nexport type X = typeof a",
    },
    'a higher rank, by import type': { ...low, 'shared/x.ts': "export type X = typeof import('../server/log/a.ts')" },
    'a higher rank, dynamically': { ...low, 'shared/x.ts': "export const x = import('../server/log/a.ts')" },
    'a higher rank, re-exported': { ...low, 'shared/x.ts': "export { a } from '../server/log/a.ts'\nexport const y = 1" },
    'a higher rank, as a worker': { ...low, 'shared/x.ts': "export const x = new URL('../server/log/a.ts', import.meta.url)" },
    'the client kit from the server': {
      'client-kit/k.ts': 'export const k = 1',
      'server/http/x.ts': "import '../../client-kit/k.ts'",
    },
    'the server from the client kit': {
      ...low,
      'client-kit/k.ts': "import { a } from '@rapport/server/log/a.ts'\nexport const k = a",
    },
    'a test from the server': { 'test/t.ts': 'export const t = 1', 'server/http/x.ts': "import '../../test/t.ts'" },
  }
  test.each(Object.entries(forbidden))('caught: %s', (_name, files) => {
    expect(judge(files)).toEqual([expect.stringContaining('only a lower rank')])
  })

  test('caught: a file in no ranked folder, a missing file, and I/O in shared', () => {
    expect(judge({ 'server/odd/x.ts': 'export const x = 1' })).toEqual([expect.stringContaining('no ranked folder')])
    expect(judge({ 'server/log/x.ts': "import './gone.ts'" })).toEqual([expect.stringContaining('does not exist')])
    expect(judge({ 'shared/x.ts': "import 'node:fs'" })).toEqual([expect.stringContaining('no I/O')])
  })
})

describe('cycles', () => {
  test('caught: two files that know each other, by type alone', () => {
    const files = {
      'server/log/a.ts': "import type { B } from './b.ts'\nexport interface A { b: B }",
      'server/log/b.ts': "import type { A } from './a.ts'\nexport interface B { a: A }",
    }
    expect(judge(files)).toEqual(['cycle: server/log/a.ts ↔ server/log/b.ts'])
  })

  test('caught: a longer ring, named once, without those who only look at it', () => {
    const files = {
      'test/a.ts': "import './b.ts'",
      'test/b.ts': "import './c.ts'",
      'test/c.ts': "import './b.ts'\nimport './d.ts'",
      'test/d.ts': "import './b.ts'\nimport './e.ts'",
      'test/e.ts': 'export const e = 1',
    }
    expect(judge(files)).toEqual(['cycle: test/b.ts ↔ test/c.ts ↔ test/d.ts'])
  })
})

describe('constructs', () => {
  test('caught: any, but not the word in comments and strings', () => {
    expect(judge({ 'test/x.ts': '// any\nexport const x = "as any"' })).toEqual([])
    expect(judge({ 'test/x.ts': 'export const x: Array<any> = []' })).toEqual(['test/x.ts:1 uses any'])
  })

  test('caught: a file that only re-exports, except the entry of the client kit', () => {
    const source = { 'client-kit/a.ts': 'export const a = 1\nexport type T = 1' }
    const direct = "export * from './a.ts'"
    const indirect = "import { a } from './a.ts'\nexport type { T } from './a.ts'\nexport { a }"
    expect(judge({ ...source, 'client-kit/b.ts': direct })).toEqual([expect.stringContaining('only re-exports')])
    expect(judge({ ...source, 'client-kit/b.ts': indirect })).toEqual([expect.stringContaining('only re-exports')])
    expect(judge({ ...source, 'client-kit/index.ts': direct })).toEqual([])
    expect(judge({ 'client-kit/c.ts': 'const c = 1\nexport { c }' })).toEqual([])
  })

  test.each(['process.env.HOME', "process['env']", '(() => { const { env } = process; return env })()'])(
    'caught: the environment read outside server/config.ts as %s',
    (expression) => {
      const text = `export const x = ${expression}`
      expect(judge({ 'server/db.ts': text })).toEqual([expect.stringContaining('reads process.env')])
      expect(judge({ 'server/config.ts': text, 'test/x.ts': text, 'bench/x.ts': text })).toEqual([])
    },
  )

  test('caught: the environment imported by name', () => {
    expect(judge({ 'server/db.ts': "import { env } from 'node:process'\nenv" })).toEqual([expect.stringContaining('process.env')])
  })

  test.each([
    ['Principal', 'server/auth/tokens.ts', 'server/gateway/upgrade.ts'],
    ['ScannedUpdate', 'server/access/pre-scan.ts', 'server/access/judge.ts'],
    ['JudgedEntry', 'server/access/judge.ts', 'server/document/room.ts'],
    ['DurableSequence', 'server/log/update-log.ts', 'server/log/sql-log-store.ts'],
  ])('caught: a cast to %s outside %s', (brand, maker, other) => {
    for (const cast of [`x as ${brand}`, `x as unknown as readonly ${brand}[]`, `<${brand}>x`]) {
      const text = `const x: unknown = 0\nexport const y = ${cast}`
      expect(judge({ [maker]: text, 'test/x.ts': text })).toEqual([])
      expect(judge({ [other]: text })).toEqual([
        `${other}:2 casts to ${brand}: only ${maker.startsWith('server/auth/') ? 'server/auth/' : maker} may make one`,
      ])
    }
  })
})
