/**
 * What the architecture test knows of a source file, taken from its syntax tree: whom it imports (types, `import()` and worker
 * URLs included), and the few constructs that house rules are about. A parser and no pattern, so that neither a comment nor a
 * string can fool it. It reads one text at a time; no file is executed.
 */
import { parseSync } from 'oxc-parser'

export interface SourceImport {
  readonly specifier: string
  readonly line: number
}

/** A construct that some rule restricts, with the line it stands in. */
export interface Finding {
  readonly kind: 'any' | 'environment' | 'cast'
  /** For a cast the names of all types in its target; empty otherwise. */
  readonly names: readonly string[]
  readonly line: number
}

export interface Source {
  /** Path from the repository root, with forward slashes. */
  readonly path: string
  readonly imports: readonly SourceImport[]
  readonly findings: readonly Finding[]
  /** Nothing but re-exports. */
  readonly barrel: boolean
}

interface Node {
  readonly type: string
  readonly start: number
  readonly [field: string]: unknown
}

/** Parses one file. Throws on a syntax error, with the path and the parser's message. */
export function readSource(path: string, text: string): Source {
  const { program, errors } = parseSync(path, text, { lang: path.endsWith('.mjs') ? 'js' : 'ts', sourceType: 'module' })
  const [error] = errors
  if (error !== undefined) throw new Error(`${path}: ${error.message}`)

  const imports: SourceImport[] = []
  const findings: Finding[] = []
  const lineOf = (node: Node): number => text.slice(0, node.start).split('\n').length

  walk(program, (node) => {
    const specifier = importedBy(node)
    if (specifier !== undefined) imports.push({ specifier, line: lineOf(node) })
    if (node.type === 'TSAnyKeyword') findings.push({ kind: 'any', names: [], line: lineOf(node) })
    if (readsEnvironment(node)) findings.push({ kind: 'environment', names: [], line: lineOf(node) })
    if (node.type === 'TSAsExpression' || node.type === 'TSTypeAssertion') {
      findings.push({ kind: 'cast', names: typeNames(node.typeAnnotation), line: lineOf(node) })
    }
  })
  return { path, imports, findings, barrel: isBarrel(program.body) }
}

/** The module that a node asks for, if it asks for one. */
function importedBy(node: Node): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return textOf(node.source)
    case 'NewExpression': {
      // `new URL('./worker.ts', import.meta.url)` is how a worker thread's file is named.
      const [first, second] = listOf(node.arguments)
      const named = nameOf(node.callee) === 'URL' && isNode(second) && second.type === 'MemberExpression'
      const specifier = textOf(first)
      return named && specifier !== undefined && /\.(ts|mjs)$/.test(specifier) ? specifier : undefined
    }
    default:
      return undefined
  }
}

/** `process.env` in any spelling: member access, destructuring, or the named export of `node:process`. */
function readsEnvironment(node: Node): boolean {
  if (node.type === 'MemberExpression') {
    return nameOf(node.object) === 'process' && (nameOf(node.property) ?? textOf(node.property)) === 'env'
  }
  if (node.type === 'VariableDeclarator') {
    if (nameOf(node.init) !== 'process' || !isNode(node.id)) return false
    return listOf(node.id.properties).some((property) => isNode(property) && nameOf(property.key) === 'env')
  }
  if (node.type === 'ImportDeclaration' && /^(node:)?process$/.test(textOf(node.source) ?? '')) {
    return listOf(node.specifiers).some((specifier) => isNode(specifier) && nameOf(specifier.imported) === 'env')
  }
  return false
}

/** Every identifier inside a type, so that `as unknown as readonly Principal[]` counts as a cast to `Principal`. */
function typeNames(type: unknown): string[] {
  const names: string[] = []
  walk(type, (node) => {
    const name = nameOf(node)
    if (name !== undefined) names.push(name)
  })
  return names
}

/** True if every statement either imports or passes an imported name on. */
function isBarrel(statements: readonly unknown[]): boolean {
  const imported = new Set<string>()
  let passes = 0
  for (const statement of statements) {
    if (!isNode(statement)) return false
    if (statement.type === 'ImportDeclaration') {
      for (const specifier of listOf(statement.specifiers)) {
        const name = isNode(specifier) ? nameOf(specifier.local) : undefined
        if (name !== undefined) imported.add(name)
      }
    } else if (statement.type === 'ExportAllDeclaration') {
      passes += 1
    } else if (statement.type === 'ExportNamedDeclaration' && statement.declaration === null) {
      const own = statement.source === null
      if (own && !listOf(statement.specifiers).every((one) => isNode(one) && imported.has(nameOf(one.local) ?? ''))) return false
      passes += 1
    } else {
      return false
    }
  }
  return passes > 0
}

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit)
    return
  }
  if (!isNode(value)) return
  visit(value)
  for (const child of Object.values(value)) {
    if (typeof child === 'object' && child !== null) walk(child, visit)
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function nameOf(value: unknown): string | undefined {
  return isNode(value) && value.type === 'Identifier' && typeof value.name === 'string' ? value.name : undefined
}

/** The text of a string literal; a type's literal is wrapped once more. */
function textOf(value: unknown): string | undefined {
  if (!isNode(value)) return undefined
  if (value.type === 'TSLiteralType') return textOf(value.literal)
  return value.type === 'Literal' && typeof value.value === 'string' ? value.value : undefined
}
