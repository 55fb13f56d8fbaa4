import { contact } from '@rapport/shared/records/contact.ts'
import { opportunity } from '@rapport/shared/records/opportunity.ts'
import { applyPatch, type MergePatch } from '@rapport/shared/schema/merge-patch.ts'
import { checkPatch } from '@rapport/shared/schema/merge-patch-check.ts'
import { type ReadContent, readContent } from '@rapport/shared/schema/read-content.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { forbiddenIn, permittedOf } from '../../../server/inbound/patch-rights.ts'

const FIELDS = ['firstName', 'title', 'doNotCall', 'x_size']
const ROOTS = ['summary', 'tags', 'emails']
const PLACES = [...FIELDS.map((name) => `fields/${name}`), ...ROOTS.map((root) => `${root}/`)]

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 3 })
const word = fc.constantFrom('', 'a', 'b', 'ab', '0')
const email = fc.record({ label: optional(word), primary: optional(fc.boolean()) }, { requiredKeys: [] })
const patches: fc.Arbitrary<MergePatch> = fc.record(
  {
    fields: fc.record(
      {
        firstName: optional(word),
        title: optional(word),
        doNotCall: optional(fc.boolean()),
        x_size: optional(fc.integer({ min: -1, max: 1 })),
      },
      { requiredKeys: [] },
    ),
    summary: optional(word),
    tags: optional(fc.dictionary(fc.constantFrom('vip', 'new'), optional(fc.constant(true)))),
    emails: optional(fc.dictionary(fc.constantFrom('e1', 'e2'), optional(email))),
  },
  { requiredKeys: [] },
)

/** The places at which two contents differ. */
function differences(one: ReadContent, other: ReadContent): string[] {
  const at = (content: ReadContent, place: string): unknown => {
    const [root = '', name = ''] = place.split('/')
    return root === 'fields' ? content.fields[name] : content[root]
  }
  return PLACES.filter((place) => JSON.stringify(at(one, place)) !== JSON.stringify(at(other, place)))
}

function copyOf(document: Y.Doc): Y.Doc {
  const copy = new Y.Doc()
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(document))
  return copy
}

describe('what of a patch its author may not write', () => {
  test('is what it would change and the author may not, and nothing else', () => {
    let [refused, silent] = [0, 0]
    fc.assert(
      fc.property(fc.array(patches, { maxLength: 4 }), patches, fc.subarray(PLACES), (series, patch, denied) => {
        const document = new Y.Doc()
        for (const earlier of series) applyPatch(contact, document, earlier)
        const may = (root: string, name: string): boolean => !denied.includes(`${root}/${name}`)
        const before = readContent(contact, document)
        const issues = forbiddenIn(contact, document, patch, may)
        expect(readContent(contact, document)).toEqual(before)

        const whole = copyOf(document)
        applyPatch(contact, whole, patch)
        const changed = differences(before, readContent(contact, whole))
        const found = issues.map(({ path: [root, name = ''] }) => `${root}/${name}`)
        expect(found.sort()).toEqual(changed.filter((place) => denied.includes(place)).sort())
        expect(new Set(issues.map(({ code }) => code)).size).toBe(issues.length === 0 ? 0 : 1)
        if (issues.length > 0) refused += 1
        else if (PLACES.some((place) => denied.includes(place))) silent += 1

        // What is left is the permitted change, and touches nothing that is denied.
        const part = permittedOf(patch, may)
        expect(checkPatch(contact, document, part)).toEqual([])
        const touched = new Set<string>()
        const listen = (root: string) => (event: Y.YMapEvent<unknown>) => {
          for (const key of event.keysChanged) touched.add(root === 'fields' ? `fields/${key}` : `${root}/`)
        }
        for (const root of ['fields', 'tags', 'emails']) document.getMap(root).observe(listen(root))
        document.getText('summary').observe(() => touched.add('summary/'))
        applyPatch(contact, document, part)
        expect([...touched].filter((place) => denied.includes(place))).toEqual([])
        const allowed = changed.filter((place) => !denied.includes(place))
        expect(differences(before, readContent(contact, document)).sort()).toEqual(allowed.sort())
      }),
      { numRuns: 1000 },
    )
    expect(Math.min(refused, silent)).toBeGreaterThan(50)
  })

  const nothing = (): boolean => false
  const pathsIn = (patch: unknown, type: Parameters<typeof forbiddenIn>[0] = contact): string[] =>
    forbiddenIn(type, new Y.Doc(), patch as MergePatch, nothing).map(({ path }) => path.join('/'))

  test('is found in whatever JSON can say, by the place and not by the value', () => {
    expect(pathsIn({ fields: { firstName: {}, stage: 5, birthday: null } })).toEqual(['fields/firstName', 'fields/stage'])
    expect(pathsIn({ fields: 7, summary: 7, tags: 'a', emails: [] })).toEqual(['summary', 'tags', 'emails'])
    expect(pathsIn({ emails: { e1: 7 } })).toEqual(['emails'])
    expect(pathsIn({ tags: { vip: false } })).toEqual(['tags'])
    expect(pathsIn({ contacts: { c1: { contact: 'c1' } } }, opportunity)).toEqual(['contacts'])
    expect(pathsIn({ summary: null, tags: null, emails: null, fields: null })).toEqual([])
    expect(pathsIn({ emails: { e1: null }, tags: { vip: null } })).toEqual([])
  })

  test('is not what no patch can write anyway', () => {
    expect(
      pathsIn({ meta: { createdBy: 'me' }, notes: '<p>x</p>', nope: 1, fields: { nope: 1, x_UPPER: 1, ['__proto__']: 1 } }),
    ).toEqual([])
  })

  test('P10: is listed up to a hundred places', () => {
    const fields = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`x_${index}`, 1]))
    expect(pathsIn({ fields, summary: 'a' })).toHaveLength(100)
  })
})
