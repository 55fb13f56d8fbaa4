import { systemClock } from '@rapport/shared/clock.ts'
import { uuidv7 } from '@rapport/shared/ids.ts'
import { contact } from '@rapport/shared/records/contact.ts'
import { opportunity } from '@rapport/shared/records/opportunity.ts'
import { editorOf, writeContent } from '@rapport/shared/schema/edit.ts'
import { applyPatch, type MergePatch } from '@rapport/shared/schema/merge-patch.ts'
import { checkPatch } from '@rapport/shared/schema/merge-patch-check.ts'
import { type ReadContent, readContent } from '@rapport/shared/schema/read-content.ts'
import type { RecordType } from '@rapport/shared/schema/record-type.ts'
import { isContent } from '@rapport/shared/schema/validate-content.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { fork, sync } from './replicas.ts'

function patched(document: Y.Doc, patch: MergePatch, type: RecordType = contact): ReadContent {
  expect(checkPatch(type, document, patch)).toEqual([])
  applyPatch(type, document, patch)
  return readContent(type, document)
}

/** Updates that `change` makes. */
function updatesOf(document: Y.Doc, change: () => void): number {
  let count = 0
  const listen = (): void => {
    count += 1
  }
  document.on('update', listen)
  change()
  document.off('update', listen)
  return count
}

function sample(): Y.Doc {
  const document = new Y.Doc()
  writeContent(contact, document, {
    fields: { firstName: 'Ada', title: 'Dr', x_size: 4 },
    summary: 'Met at the fair.',
    tags: { vip: true, old: true },
    emails: { e1: { label: 'work', address: 'ada@example.com' }, e2: { address: 'a@example.org', primary: true } },
  })
  return document
}

describe('RFC 7396', () => {
  type Json = unknown
  const isObject = (value: Json): value is Record<string, Json> =>
    typeof value === 'object' && value !== null && !Array.isArray(value)

  /** Section 2 of the RFC, word by word. */
  function mergePatch(target: Json, patch: Json): Json {
    if (!isObject(patch)) return patch
    const result: Record<string, Json> = isObject(target) ? { ...target } : {}
    for (const [name, value] of Object.entries(patch)) {
      if (value === null) delete result[name]
      else result[name] = mergePatch(result[name], value)
    }
    return result
  }

  const word = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => text.isWellFormed() && !text.includes('\0'))
  const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 3 })
  const member = fc.constantFrom('vip', 'new', 'old', 'constructor', 'ü')
  const entry = fc.constantFrom('e1', 'e2', 'e3', '7', 'toString')
  const fields = fc.record(
    {
      firstName: optional(word),
      title: optional(word),
      stage: optional(fc.constantFrom('lead', 'customer')),
      doNotCall: optional(fc.boolean()),
      creditLimit: optional(fc.constantFrom('0', '1250.00')),
      x_size: optional(fc.oneof(word, fc.integer(), fc.boolean())),
    },
    { requiredKeys: [] },
  )
  const email = fc.record(
    {
      label: optional(word),
      address: optional(fc.constantFrom('a@example.com', 'b@example.org')),
      primary: optional(fc.boolean()),
    },
    { requiredKeys: [] },
  )
  const patches = fc.record(
    {
      fields,
      summary: optional(word),
      tags: optional(fc.dictionary(member, optional(fc.constant(true)))),
      emails: optional(fc.dictionary(entry, optional(email))),
    },
    { requiredKeys: [] },
  )

  /** What a client wrote and read back, but for the orders that the server gives to new entries, and for empty roots. */
  function comparable(content: Json): Json {
    const plain = structuredClone(content) as Record<string, Record<string, Record<string, Json>>>
    for (const one of Object.values(plain.emails ?? {})) delete one.order
    return { fields: {}, summary: '', notes: '', tags: {}, phones: {}, addresses: {}, activities: {}, emails: {}, ...plain }
  }

  it('a document reads after any patches as plain JSON does', () => {
    fc.assert(
      fc.property(fc.array(patches, { maxLength: 6 }), (series) => {
        const document = new Y.Doc()
        let model: Json = {}
        for (const patch of series) {
          const read = patched(document, patch)
          model = mergePatch(model, patch)
          expect(comparable(read)).toEqual(comparable(model))
          expect(isContent(contact, read)).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('a patch that says what is so already writes nothing, and so does its repetition', () => {
    fc.assert(
      fc.property(fc.array(patches, { maxLength: 3 }), patches, (series, last) => {
        const document = new Y.Doc()
        for (const patch of [...series, last]) applyPatch(contact, document, patch)
        // Members are added anew whenever they are named.
        const { tags: _tags, ...known } = readContent(contact, document)
        const { tags: _lastTags, ...lastButTags } = last
        const again = updatesOf(document, () => {
          applyPatch(contact, document, lastButTags)
          applyPatch(contact, document, known as MergePatch)
          applyPatch(contact, document, {})
        })
        expect(again).toBe(0)
      }),
    )
  })

  it('a patch is one update', () => {
    const document = sample()
    const patch = { fields: { title: null }, summary: 'x', tags: { new: true }, emails: { e1: null, e3: {}, e2: { label: 'l' } } }
    expect(updatesOf(document, () => applyPatch(contact, document, patch))).toBe(1)
  })
})

describe('what is cleared', () => {
  it('null empties fields, texts, sets and collections as a whole', () => {
    const read = patched(sample(), { fields: { title: null, x_size: null }, summary: null, tags: null, emails: null })
    expect(read).toMatchObject({ fields: { firstName: 'Ada' }, summary: '', tags: {}, emails: {} })
  })

  it('a value that no one can read is overwritten, and cleared, like any other', () => {
    const document = sample()
    document.getMap('fields').set('title', { odd: 1 })
    document.getMap('tags').set('odd', 'yes')
    expect(patched(document, { fields: { title: null }, tags: { odd: true } })).toMatchObject({ tags: { odd: true } })
    expect(document.getMap('fields').get('title')).toBe(null)
  })

  it('a deleted entry keeps what it holds, and one that is added again under its id starts afresh', () => {
    const document = sample()
    patched(document, { emails: { e1: null } })
    expect(document.getMap('emails').get('e1/address')).toBe('ada@example.com')
    expect(patched(document, { emails: { e1: { label: 'home' } } }).emails).toMatchObject({ e1: { label: 'home' } })
    expect(readContent(contact, document).emails).not.toMatchObject({ e1: { address: expect.anything() } })
  })

  it('an entry that nobody has seen is not removed, and leaves no mark', () => {
    const document = sample()
    expect(updatesOf(document, () => applyPatch(contact, document, { emails: { nobody: null }, tags: { none: null } }))).toBe(0)
  })
})

describe('P3: beside others who edit meanwhile', () => {
  const merge = (mine: (document: Y.Doc) => void, patch: MergePatch): ReadContent => {
    const [phone, server] = fork(2, (document) => Y.applyUpdate(document, Y.encodeStateAsUpdate(sample()))) as [Y.Doc, Y.Doc]
    mine(phone)
    patched(server, patch)
    sync([phone, server])
    return readContent(contact, server)
  }

  it('an entry that a phone adds survives a patch of another one, and of all', () => {
    const add = (document: Y.Doc): void => {
      editorOf(contact, document).addEntry('emails', { address: 'new@example.com' }, { id: 'mine' })
    }
    const all = { e1: { address: 'x@example.com' }, mine: { address: 'new@example.com' } }
    expect(merge(add, { emails: { e1: { address: 'x@example.com' } } }).emails).toMatchObject(all)
    expect(merge(add, { emails: null }).emails).toMatchObject({ mine: all.mine })
  })

  it('what a phone changes survives a client that sends back all it knows with one change', () => {
    const { notes: _notes, ...known } = readContent(contact, sample())
    const edit = (document: Y.Doc): void => {
      const editor = editorOf(contact, document)
      editor.set('title', 'Prof')
      editor.deleteEntry('emails', 'e2')
      editor.rewrite('summary', 'Met at the trade fair.')
    }
    const patch = { ...known, fields: { ...known.fields, firstName: 'Augusta' } }
    expect(merge(edit, patch)).toMatchObject({
      fields: { firstName: 'Augusta', title: 'Prof' },
      summary: 'Met at the trade fair.',
      emails: { e1: { label: 'work' } },
    })
  })

  it('a tag that the patch names wins over a remove that it has not seen; one that it takes away loses to an add', () => {
    const remove = (document: Y.Doc): void => editorOf(contact, document).remove('tags', 'vip')
    const add = (document: Y.Doc): void => editorOf(contact, document).add('tags', 'old')
    expect(merge(remove, { tags: { vip: true } }).tags).toEqual({ vip: true, old: true })
    expect(merge(remove, { tags: { old: true } }).tags).toEqual({ old: true })
    expect(merge(add, { tags: { old: null, none: null } }).tags).toEqual({ vip: true, old: true })
  })

  it('a text changes where the patch changes it, and keeps what others type elsewhere', () => {
    const type = (document: Y.Doc): void => document.getText('summary').insert(0, 'Monday: ')
    expect(merge(type, { summary: 'Met at the fair in Kiel.' }).summary).toBe('Monday: Met at the fair in Kiel.')
  })
})

describe('the order of entries', () => {
  const ids = (content: ReadContent): string[] => Object.keys(content.emails ?? {})

  it('new ones come behind those that are there, in the order of the patch', () => {
    const document = sample()
    expect(ids(patched(document, { emails: { z: {}, b: {}, a: {} } }))).toEqual(['e1', 'e2', 'z', 'b', 'a'])
    expect(ids(patched(document, { emails: { e1: null, c: { label: 'last' } } }))).toEqual(['e2', 'z', 'b', 'a', 'c'])
    expect(ids(patched(document, { emails: { e1: {} } }))).toEqual(['e2', 'z', 'b', 'a', 'c', 'e1'])
  })

  it('an order that is given is taken, for new entries and for those that are there', () => {
    const document = sample()
    const [first] = Object.values(readContent(contact, document).emails as Record<string, { order: string }>)
    expect(ids(patched(document, { emails: { a: { order: `${first?.order}V` } } }))).toEqual(['e1', 'a', 'e2'])
    expect(ids(patched(document, { emails: { e1: { order: 'zz' } } }))).toEqual(['a', 'e2', 'e1'])
  })

  it.each(['~', 'z'.repeat(100)])('where little room is left behind the last one, all are spaced anew', (last) => {
    const document = sample()
    patched(document, { emails: { e2: { order: last }, e1: { order: 'y' } } })
    expect(ids(patched(document, { emails: { b: {}, a: {} } }))).toEqual(['e1', 'e2', 'b', 'a'])
    const { emails } = patched(document, { emails: { c: {} } })
    expect(Object.keys(emails as object)).toEqual(['e1', 'e2', 'b', 'a', 'c'])
    const orders = Object.values(emails as Record<string, { order: string }>).map(({ order }) => order)
    expect(Math.max(...orders.map((order) => order.length))).toBeLessThan(5)
  })

  it('P10: orders stay short, whether entries come at once or one by one', () => {
    const document = new Y.Doc()
    const many = Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`n${index}`, { subject: `s${index}` }]))
    patched(document, { activities: { first: { subject: 'first' } } })
    patched(document, { activities: many })
    for (let index = 0; index < 100; index += 1) patched(document, { activities: { [`l${index}`]: {} } })
    const entries = Object.entries(readContent(contact, document).activities as Record<string, { order: string }>)
    expect(entries.map(([id]) => id)).toEqual(['first', ...Object.keys(many), ...Array.from({ length: 100 }, (_, i) => `l${i}`)])
    expect(Math.max(...entries.map(([, { order }]) => order.length))).toBeLessThan(20)
  })
})

it('an entry named after another record gets that name in its column, given or not', () => {
  const document = new Y.Doc()
  const [one, other] = [uuidv7(systemClock), uuidv7(systemClock)]
  const patch = { contacts: { [one]: { role: 'decider' }, [other]: { contact: other } } }
  expect(patched(document, { fields: { name: 'Deal' }, ...patch }, opportunity).contacts).toMatchObject({
    [one]: { contact: one, role: 'decider' },
    [other]: { contact: other },
  })
})
