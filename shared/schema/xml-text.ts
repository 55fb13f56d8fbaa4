/**
 * Rich text as well-formed XML. For ordinary content it reads as Yjs's own `toString` does (lower-case names, attributes and
 * marks in alphabetical order), which neither escapes nor survives everything that an update can put into a fragment.
 */
import * as Y from 'yjs'

/** Elements below this depth are left out, lest a hostile document exhaust the stack. */
const MAX_DEPTH = 200

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,99}$/

// What XML 1.0 (section 2.2) has no way to write, escaped or not.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters meant
const UNWRITABLE = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|\p{Surrogate}/gu

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Never throws. What is neither an element nor text is left out. */
export function xmlOf(fragment: Y.XmlFragment): string {
  return children(fragment, 0)
}

function children(parent: Y.XmlFragment, depth: number): string {
  return parent
    .toArray()
    .map((child) => node(child, depth))
    .join('')
}

function node(value: unknown, depth: number): string {
  if (depth > MAX_DEPTH) return ''
  if (value instanceof Y.XmlElement) return element(value, depth)
  if (value instanceof Y.XmlText) return formatted(value, depth)
  return ''
}

function element(value: Y.XmlElement, depth: number): string {
  const name = nameOf(value.nodeName)
  return `<${name}${attributes(value.getAttributes())}>${children(value, depth + 1)}</${name}>`
}

function formatted(value: Y.XmlText, depth: number): string {
  return runsOf(value)
    .map(({ insert, attributes: marks }) => {
      const inner = typeof insert === 'string' ? escaped(insert) : node(insert, depth + 1)
      return entriesOf(marks).reduceRight((text, [mark, details]) => {
        const name = nameOf(mark)
        return `<${name}${attributes(details)}>${text}</${name}>`
      }, inner)
    })
    .join('')
}

interface Run {
  readonly insert: unknown
  readonly attributes?: unknown
}

/** Neighbours of equal formatting are one run: what stands between them and has no effect differs from replica to replica. */
function runsOf(text: Y.XmlText): readonly Run[] {
  const runs: Run[] = []
  for (const run of text.toDelta() as Run[]) {
    const before = runs.at(-1)
    const texts = typeof run.insert === 'string' && typeof before?.insert === 'string'
    const goesOn = texts && signOfMarks(run.attributes) === signOfMarks(before.attributes)
    if (goesOn) runs[runs.length - 1] = { ...run, insert: `${before.insert}${run.insert}` }
    else runs.push(run)
  }
  return runs
}

/** Equal for marks that read alike. */
export function signOfMarks(marks: unknown): string {
  return JSON.stringify(
    entriesOf(marks).map(([name, details]) => [name, typeof details === 'object' ? entriesOf(details) : details]),
  )
}

function attributes(values: unknown): string {
  return entriesOf(values)
    .filter(([name]) => NAME.test(name))
    .map(([name, value]) => (isScalar(value) ? ` ${name}="${escaped(String(value))}"` : ''))
    .join('')
}

function entriesOf(value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  return Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
}

function nameOf(name: unknown): string {
  return typeof name === 'string' && NAME.test(name) ? name.toLowerCase() : 'unknown'
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

function escaped(text: string): string {
  return text.replaceAll(UNWRITABLE, '\uFFFD').replaceAll(/[&<>"]/g, (character) => ESCAPES[character] ?? character)
}
