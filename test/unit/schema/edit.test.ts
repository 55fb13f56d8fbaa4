import { contact } from '@rapport/shared/records/contact.ts'
import { opportunity } from '@rapport/shared/records/opportunity.ts'
import { editorOf, writeContent } from '@rapport/shared/schema/edit.ts'
import { readContent } from '@rapport/shared/schema/read-content.ts'
import { isContent } from '@rapport/shared/schema/validate-content.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { fork, sync } from './replicas.ts'

const IDS = ['e1', 'e2', 'e3', 'e4', 'e5'] as const

function orderOfEmails(document: Y.Doc): string[] {
  return Object.keys(readContent(contact, document).emails as object)
}

describe('P3: replicas that edited concurrently read alike', () => {
  it('after any edits of any two replicas', () => {
    const word = fc.string({ unit: 'grapheme', maxLength: 8 })
    const id = fc.constantFrom(...IDS)
    const step = fc.oneof(
      fc.record({ type: fc.constant('set' as const), value: fc.option(word) }),
      fc.record({ type: fc.constant('rewrite' as const), value: word }),
      fc.record({ type: fc.constantFrom('add' as const, 'remove' as const), value: fc.constantFrom('vip', 'new', 'old') }),
      fc.record({ type: fc.constantFrom('delete' as const, 'restore' as const, 'enter' as const), id }),
      fc.record({ type: fc.constant('move' as const), id, after: fc.option(id) }),
    )
    const script = fc.array(fc.tuple(fc.nat(1), step), { maxLength: 30 })
    fc.assert(
      fc.property(script, (steps) => {
        const replicas = fork(2)
        for (const [who, move] of steps) {
          const editor = editorOf(contact, replicas[who] as Y.Doc)
          if (move.type === 'set') editor.set('title', move.value)
          else if (move.type === 'rewrite') editor.rewrite('summary', move.value)
          else if ('value' in move) editor[move.type]('tags', move.value)
          else if ('after' in move) editor.moveEntry('emails', move.id, move.after)
          else if (move.type === 'enter') editor.addEntry('emails', { label: move.id }, { id: move.id })
          else if (move.type === 'delete') editor.deleteEntry('emails', move.id)
          else editor.restoreEntry('emails', move.id)
        }
        sync(replicas)
        const [one, other] = replicas.map((replica) => JSON.stringify(readContent(contact, replica)))
        expect(one).toBe(other)
      }),
    )
  })
})

describe('registers', () => {
  it('a clear is a null that a concurrent value cannot resurrect from before, and reads as absent', () => {
    const document = new Y.Doc()
    const editor = editorOf(contact, document)
    editor.set('title', 'Buyer')
    editor.set('title', null)
    expect(document.getMap('fields').has('title')).toBe(true)
    expect(readContent(contact, document).fields).toEqual({})
  })

  it('a value that is already there writes nothing', () => {
    const document = new Y.Doc()
    editorOf(contact, document).set('title', 'Buyer')
    const before = Y.encodeStateVector(document)
    editorOf(contact, document).set('title', 'Buyer')
    editorOf(contact, document).set('department', null)
    expect(Y.encodeStateVector(document)).toEqual(before)
  })

  it('a lone surrogate reads alike where it was written and where it arrived', () => {
    const replicas = fork(2)
    editorOf(contact, replicas[0] as Y.Doc).set('title', 'a\ud800b')
    editorOf(contact, replicas[0] as Y.Doc).rewrite('summary', 'c\udc00d')
    sync(replicas)
    const [one, other] = replicas.map((replica) => readContent(contact, replica))
    expect(one).toEqual(other)
    expect(one?.fields).toEqual({ title: 'a\ufffdb' })
  })

  it('a name the type does not declare is refused', () => {
    const editor = editorOf(contact as never, new Y.Doc())
    expect(() => editor.set('shoeSize' as never, 'x' as never)).toThrow('declares no such name')
    expect(() => editor.set('constructor' as never, 'x' as never)).toThrow('declares no such name')
    expect(() => editor.setCustom('x_UPPER', 'x')).toThrow('declares no such name')
    expect(() => editor.add('emails' as never, 'x')).toThrow('declares no such name')
    expect(() => editor.addEntry('emails' as never, {}, { id: 'a/b' })).toThrow('no entry id')
  })
})

describe('sets', () => {
  it('an add that had not seen the remove wins, even of a member that was there', () => {
    const replicas = fork(2, (document) => editorOf(contact, document).add('tags', 'vip'))
    editorOf(contact, replicas[0] as Y.Doc).remove('tags', 'vip')
    editorOf(contact, replicas[1] as Y.Doc).add('tags', 'vip')
    sync(replicas)
    for (const replica of replicas) expect(readContent(contact, replica).tags).toEqual({ vip: true })
  })

  it('a remove takes away what its author saw', () => {
    const replicas = fork(2, (document) => editorOf(contact, document).add('tags', 'vip'))
    editorOf(contact, replicas[0] as Y.Doc).remove('tags', 'vip')
    editorOf(contact, replicas[1] as Y.Doc).add('tags', 'new')
    sync(replicas)
    for (const replica of replicas) expect(readContent(contact, replica).tags).toEqual({ new: true })
  })
})

describe('collections', () => {
  it('a restored entry holds what others wrote into it while it was deleted', () => {
    const replicas = fork(2, (document) =>
      editorOf(contact, document).addEntry('emails', { address: 'a@example.com' }, { id: 'e1' }),
    )
    editorOf(contact, replicas[0] as Y.Doc).deleteEntry('emails', 'e1')
    editorOf(contact, replicas[1] as Y.Doc).setColumn('emails', 'e1', 'address', 'b@example.com')
    sync(replicas)
    expect(readContent(contact, replicas[1] as Y.Doc).emails).toEqual({})
    editorOf(contact, replicas[0] as Y.Doc).restoreEntry('emails', 'e1')
    expect(readContent(contact, replicas[0] as Y.Doc).emails).toMatchObject({ e1: { address: 'b@example.com' } })
  })

  it('columns of one entry that two people write both stay', () => {
    const replicas = fork(2, (document) => editorOf(contact, document).addEntry('emails', { label: 'work' }, { id: 'e1' }))
    editorOf(contact, replicas[0] as Y.Doc).setColumn('emails', 'e1', 'label', 'home')
    editorOf(contact, replicas[1] as Y.Doc).setColumn('emails', 'e1', 'primary', true)
    sync(replicas)
    expect(readContent(contact, replicas[0] as Y.Doc).emails).toMatchObject({ e1: { label: 'home', primary: true } })
  })

  it('an entry added again under the id of a deleted one shows only what is given now', () => {
    const document = new Y.Doc()
    const editor = editorOf(opportunity, document)
    editor.addEntry('contacts', { contact: 'c1', role: 'decider' }, { id: 'c1' })
    editor.deleteEntry('contacts', 'c1')
    editor.addEntry('contacts', { contact: 'c1' }, { id: 'c1' })
    expect(readContent(opportunity, document).contacts).toEqual({ c1: { contact: 'c1', order: expect.any(String) } })
  })

  it('an entry named after a record takes its id from that column, or gives the column its id', () => {
    const document = new Y.Doc()
    const editor = editorOf(opportunity, document)
    expect(editor.addEntry('contacts', { contact: 'c1' }, { id: 'other' })).toBe('c1')
    editor.addEntry('contacts', { role: 'user' }, { id: 'c2' })
    expect(readContent(opportunity, document).contacts).toMatchObject({
      c1: { contact: 'c1' },
      c2: { contact: 'c2', role: 'user' },
    })
  })

  it('a drawn id is a UUIDv7', () => {
    const clock = { now: () => 0x019730000000, random32: () => 7 } as never
    const id = editorOf(contact, new Y.Doc()).addEntry('emails', {}, { clock })
    expect(id).toMatch(/^01973000-0000-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('any sequence of insertions and moves gives the order that a plain list would have', () => {
    const place = fc.record({ id: fc.constantFrom(...IDS), after: fc.option(fc.constantFrom(...IDS), { nil: null }) })
    const foreign = fc.array(fc.tuple(fc.constantFrom(...IDS), fc.constantFrom(undefined, '', '0', 'a0', 'é', 'a', 'a', 'zz')), {
      maxLength: 3,
    })
    fc.assert(
      fc.property(foreign, fc.array(place, { maxLength: 60 }), (strange, places) => {
        const document = new Y.Doc()
        // Entries as other software might have written them: with equal or unusable orders, or none.
        for (const [id, order] of strange) {
          document.getMap('emails').set(`${id}/label`, id)
          if (order !== undefined) document.getMap('emails').set(`${id}/order`, order)
        }
        const list = orderOfEmails(document)
        const editor = editorOf(contact, document)
        for (const { id, after } of places) {
          const old = list.indexOf(id)
          if (old !== -1) list.splice(old, 1)
          const found = list.indexOf(after ?? '')
          list.splice(after === null ? 0 : found === -1 ? list.length : found + 1, 0, id)
          if (old === -1) editor.addEntry('emails', { label: id }, { id }, after)
          else editor.moveEntry('emails', id, after)
          expect(orderOfEmails(document)).toEqual(list)
        }
      }),
    )
  })

  it('an ordinary move writes one entry alone', () => {
    const document = new Y.Doc()
    const editor = editorOf(contact, document)
    for (const id of IDS) editor.addEntry('emails', { label: id }, { id })
    const written: string[] = []
    document.getMap('emails').observe((event) => written.push(...event.keysChanged))
    editor.moveEntry('emails', 'e5', 'e1')
    expect(written).toEqual(['e5/order'])
    expect(orderOfEmails(document)).toEqual(['e1', 'e5', 'e2', 'e3', 'e4'])
  })

  it('ten thousand pushes between the same two neighbours never make a key long', () => {
    const document = new Y.Doc()
    const editor = editorOf(contact, document)
    for (const id of IDS) editor.addEntry('emails', {}, { id })
    for (let round = 0; round < 2000; round += 1) {
      editor.moveEntry('emails', IDS[(round % 4) + 1] as string, 'e1')
    }
    for (const [key, value] of document.getMap('emails').entries())
      if (key.endsWith('/order')) expect(String(value).length).toBeLessThanOrEqual(64)
  })
})

describe('whole contents', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((value) => !value.includes('\0') && value.isWellFormed())
  const content = fc.record(
    {
      fields: fc.record({ title: text, doNotCall: fc.boolean(), x_size: fc.integer() }, { requiredKeys: [] }),
      summary: text,
      tags: fc.dictionary(fc.constantFrom('vip', 'new', 'old'), fc.constant(true as const)),
      emails: fc.dictionary(
        fc.constantFrom(...IDS),
        fc.record({ label: text, primary: fc.boolean(), order: fc.constantFrom('a', 'b', 'c') }),
      ),
    },
    { requiredKeys: ['fields', 'summary', 'tags', 'emails'] },
  )

  it('what is written reads back equal, and valid', () => {
    fc.assert(
      fc.property(content, (given) => {
        const document = new Y.Doc()
        writeContent(contact, document, given)
        const read = readContent(contact, document)
        expect(read).toEqual({ ...given, notes: '', phones: {}, addresses: {}, activities: {} })
        expect(isContent(contact, read)).toBe(true)
      }),
    )
  })

  it('entries without an order keep the order given, in an empty document and after what a used one holds', () => {
    const document = new Y.Doc()
    const ids = Array.from({ length: 200 }, (_, index) => `e${(index * 77) % 200}`)
    const half = (from: number, to: number) => Object.fromEntries(ids.slice(from, to).map((id) => [id, { label: id }]))
    writeContent(contact, document, { emails: half(0, 150) })
    writeContent(contact, document, { emails: half(150, 200) })
    expect(orderOfEmails(document)).toEqual(ids)
  })

  it('comes as one update, with no nested type in it', () => {
    const document = new Y.Doc()
    let updates = 0
    document.on('update', () => {
      updates += 1
    })
    writeContent(contact, document, { fields: { title: 'x' }, summary: 'y', tags: { z: true }, emails: { e1: { label: 'w' } } })
    expect(updates).toBe(1)
    for (const root of ['fields', 'tags', 'emails']) {
      for (const value of document.getMap(root).values()) expect(value).not.toBeInstanceOf(Y.AbstractType)
    }
  })
})
