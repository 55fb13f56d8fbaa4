/**
 * The house rules about structure, as one pure function from parsed sources to violations. The table of ranks is the one of the
 * design: a file imports only from a lower rank or from its own folder.
 */
import { posix } from 'node:path'
import type { Source, SourceImport } from './source-graph.ts'

/** Folders and single files by rank. Those of one row are neighbours and may not know each other, unless `layer` is set. */
const RANKS: readonly { readonly rank: number; readonly layer?: true; readonly places: readonly string[] }[] = [
  { rank: 0, places: ['shared/'] },
  { rank: 1, places: ['drizzle/'] },
  {
    rank: 2,
    layer: true,
    places: [
      'server/config.ts',
      'server/data-folder.ts',
      'server/lifecycle.ts',
      'server/db.ts',
      'server/embedded/',
      'server/observability/',
    ],
  },
  { rank: 3, places: ['server/log/', 'server/fanout/', 'server/auth/'] },
  { rank: 4, places: ['server/access/'] },
  { rank: 5, places: ['server/document/'] },
  { rank: 6, places: ['server/projection/', 'server/feed/', 'server/connectors/', 'server/export/'] },
  { rank: 7, places: ['server/inbound/'] },
  { rank: 8, places: ['server/gateway/', 'server/http/', 'server/import/'] },
  {
    rank: 9,
    layer: true,
    places: [
      'server/app.ts',
      'server/engine.ts',
      'server/main.ts',
      'server/cli.ts',
      'server/commands/',
      'server/samples/',
      'server/node-version.mjs',
    ],
  },
]

/** Types that carry a safety rule, and the only places that may make one by a cast. */
const BRANDS: Readonly<Record<string, string>> = {
  Principal: 'server/auth/',
  ScannedUpdate: 'server/access/pre-scan.ts',
  JudgedEntry: 'server/access/judge.ts',
  DurableSequence: 'server/log/update-log.ts',
}

const ENVIRONMENT_READERS = ['server/config.ts', 'client-kit/examples/']
const BARREL_ALLOWED = 'client-kit/index.ts'
const WORKSPACE = /^@rapport\/(shared|server|client-kit)\/(.+)$/

/** One sentence per violation, sorted; empty if the house is in order. */
export function violations(sources: readonly Source[]): readonly string[] {
  const paths = new Set(sources.map((source) => source.path))
  const found = [...sources.flatMap((source) => [...importViolations(source, paths), ...constructViolations(source)])]
  return [...found, ...cycles(sources)].sort()
}

function importViolations(source: Source, paths: ReadonlySet<string>): readonly string[] {
  const found: string[] = []
  for (const imported of source.imports) {
    const at = `${source.path}:${imported.line}`
    const target = resolveImport(source.path, imported)
    if (target === undefined) {
      if (source.path.startsWith('shared/') && /^node:/.test(imported.specifier)) {
        found.push(`${at} imports ${imported.specifier}: shared/ runs in browsers and does no I/O`)
      }
    } else if (!paths.has(target)) {
      if (/\.(ts|mjs)$/.test(target)) found.push(`${at} imports ${target}, which does not exist`)
    } else if (!mayImport(source.path, target)) {
      found.push(`${at} imports ${target}: only a lower rank or the own folder may be imported`)
    }
  }
  if (isProduct(source.path) && !source.path.startsWith('client-kit/') && placeOf(source.path) === undefined) {
    found.push(`${source.path} stands in no ranked folder`)
  }
  return found
}

function mayImport(from: string, to: string): boolean {
  if (!isProduct(from)) return true
  if (!isProduct(to)) return false
  if (from.startsWith('client-kit/')) return to.startsWith('client-kit/') || to.startsWith('shared/')
  const source = placeOf(from)
  const target = placeOf(to)
  if (source === undefined || target === undefined) return false
  return target.rank < source.rank || target.place === source.place || (target.rank === source.rank && target.layer)
}

function constructViolations(source: Source): readonly string[] {
  const found: string[] = []
  if (source.barrel && source.path !== BARREL_ALLOWED) found.push(`${source.path} only re-exports: import from the file itself`)
  for (const { kind, names, line } of source.findings) {
    const at = `${source.path}:${line}`
    if (kind === 'any') found.push(`${at} uses any`)
    if (!isProduct(source.path)) continue
    if (kind === 'environment' && !ENVIRONMENT_READERS.some((place) => source.path.startsWith(place))) {
      found.push(`${at} reads process.env: only server/config.ts does`)
    }
    for (const name of kind === 'cast' ? names : []) {
      const maker = Object.hasOwn(BRANDS, name) ? BRANDS[name] : undefined
      if (maker !== undefined && !source.path.startsWith(maker)) found.push(`${at} casts to ${name}: only ${maker} may make one`)
    }
  }
  return found
}

/** One line for each group of files that reach each other, by Tarjan's strongly connected components. */
function cycles(sources: readonly Source[]): readonly string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const order = new Map<string, number>()
  const stack: string[] = []
  const found: string[] = []

  function visit(source: Source): number {
    const own = order.size
    order.set(source.path, own)
    stack.push(source.path)
    let lowest = own
    for (const imported of source.imports) {
      const target = byPath.get(resolveImport(source.path, imported) ?? '')
      if (target === undefined) continue
      if (target === source) found.push(`cycle: ${source.path} imports itself`)
      else if (!order.has(target.path)) lowest = Math.min(lowest, visit(target))
      else if (stack.includes(target.path)) lowest = Math.min(lowest, order.get(target.path) ?? own)
    }
    if (lowest === own) {
      const component = stack.splice(stack.indexOf(source.path))
      if (component.length > 1) found.push(`cycle: ${component.sort().join(' ↔ ')}`)
    }
    return lowest
  }

  for (const source of sources) if (!order.has(source.path)) visit(source)
  return found
}

/** A path in the repository, or `undefined` for a package or a Node module. */
function resolveImport(from: string, { specifier }: SourceImport): string | undefined {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(from), specifier)
  const workspace = WORKSPACE.exec(specifier)
  return workspace === null ? undefined : `${workspace[1]}/${workspace[2]}`
}

function placeOf(path: string): { readonly rank: number; readonly place: string; readonly layer: boolean } | undefined {
  for (const { rank, places, layer } of RANKS) {
    const place = places.find((one) => (one.endsWith('/') ? path.startsWith(one) : path === one))
    if (place !== undefined) return { rank, place, layer: layer === true }
  }
  return undefined
}

/** What runs at a user's, as opposed to tests and benches. */
function isProduct(path: string): boolean {
  return /^(shared|drizzle|server|client-kit)\//.test(path)
}
