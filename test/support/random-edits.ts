/**
 * Random edits of a record as people and programs make them: typed, through the shared editor, on any replica. The same
 * random source gives the same edits.
 */
import { editorOf } from '@rapport/shared/schema/edit.ts'
import { type ReadEntries, readContent } from '@rapport/shared/schema/read-content.ts'
import type { CollectionRoot, RecordType } from '@rapport/shared/schema/record-type.ts'
import type { Register, Scalar } from '@rapport/shared/schema/register.ts'
import type * as Y from 'yjs'
import type { Random } from '../simulation/random.ts'

const WORDS = ['Ana', 'Müller', "O'Neil", 'Zoë', '東京', 'de la Cruz', 'x"y\\z', '50 %', '🎉', '']

/** A valid value of the register, or null; a required one is never empty. */
export function randomValue(random: Random, register: Register): Scalar | null {
  if (!register.required && random.chance(0.15)) return null
  const number = random.below(1_000_000)
  switch (register.kind) {
    case 'string':
      return register.maxLength < 20 ? 'EUR' : `${random.pick(WORDS)} ${number}`
    case 'number':
      return register.integer ? number : random.below(10_001) / 100
    case 'boolean':
      return random.chance(0.5)
    case 'date':
      return new Date(random.uint32() * 400).toISOString().slice(0, 10)
    case 'datetime':
      return new Date(random.uint32() * 400).toISOString()
    case 'enum':
      return random.pick(register.members)
    case 'money':
      return random.chance(0.5) ? `${number}.5` : `-${number}.0250`
    case 'email':
      return `a${number}@example.org`
    case 'phone':
      return `+49 30 ${number + 100}`
    case 'url':
      return `https://example.org/${number}`
    case 'reference':
      return `ref-${random.below(20)}`
    default:
      return register satisfies never
  }
}

/** One edit, of any kind that the type offers. */
export function randomEdit(random: Random, type: RecordType, document: Y.Doc): void {
  const editor = editorOf<RecordType>(type, document)
  const [field, register] = random.pick(Object.entries(type.fields))
  if (random.chance(0.4)) return editor.set(field, randomValue(random, register) as never)
  if (random.chance(0.1)) return editor.setCustom(`x_f${random.below(5)}`, random.pick([1, 'two', true, null]))
  const [name, root] = random.pick(Object.entries(type.roots))
  if (root.kind === 'text') {
    const text = document.getText(name)
    const at = random.below(text.length + 1)
    if (random.chance(0.3)) text.delete(at, Math.min(3, text.length - at))
    else text.insert(at, random.pick(WORDS))
  } else if (root.kind === 'set') {
    const member = `tag ${random.below(6)}`
    if (random.chance(0.6)) editor.add(name, member)
    else editor.remove(name, member)
  } else if (root.kind === 'collection') editEntries(random, name, root, type, document)
}

function editEntries(random: Random, name: string, root: CollectionRoot, type: RecordType, document: Y.Doc): void {
  const editor = editorOf<RecordType>(type, document)
  const present = Object.keys(readContent(type, document)[name] as ReadEntries)
  const after = random.chance(0.5) ? null : undefined
  if (present.length === 0 || random.chance(0.4)) {
    const values = Object.fromEntries(
      Object.entries(root.columns).map(([column, register]) => [column, randomValue(random, register)]),
    )
    const id = `entry-${random.below(1_000)}`
    if (root.keyedBy !== undefined) values[root.keyedBy] = id
    editor.addEntry(name, values as never, { id }, after)
    return
  }
  const entry = random.pick(present)
  const columns = Object.entries(root.columns).filter(([column]) => column !== root.keyedBy)
  const [column, register] = random.pick(columns)
  const dice = random.below(10)
  if (dice < 2) editor.deleteEntry(name, entry)
  else if (dice < 4) editor.moveEntry(name, entry, random.pick([null, ...present.filter((id) => id !== entry)]))
  else editor.setColumn(name, entry, column, randomValue(random, register) as never)
}
