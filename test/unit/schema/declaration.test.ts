import { contact } from '@rapport/shared/records/contact.ts'
import { editorOf, writeContent } from '@rapport/shared/schema/edit.ts'
import { jsonSchemaOf } from '@rapport/shared/schema/json-schema.ts'
import { readContent } from '@rapport/shared/schema/read-content.ts'
import { type Content, recordType } from '@rapport/shared/schema/record-type.ts'
import { number, oneOf } from '@rapport/shared/schema/register.ts'
import { isContent, validateContent } from '@rapport/shared/schema/validate-content.ts'
import { describe, expect, expectTypeOf, it } from 'vitest'
import * as Y from 'yjs'

/** The contact with two fields more: one line each, and one of them required. */
const member = recordType({
  ...contact,
  name: 'member',
  fields: {
    ...contact.fields,
    shoeSize: number({ minimum: 15, maximum: 50 }),
    level: oneOf(['bronze', 'silver'], { required: true }),
  },
})

describe('a field more is one line', () => {
  it('and its TypeScript type follows', () => {
    type Fields = NonNullable<Content<typeof member>['fields']>
    expectTypeOf<Fields['shoeSize']>().toEqualTypeOf<number | null | undefined>()
    expectTypeOf<Fields['level']>().toEqualTypeOf<'bronze' | 'silver'>()
    expectTypeOf<Fields['doNotCall']>().toEqualTypeOf<boolean | null | undefined>()
    expectTypeOf<Fields['creditLimit']>().toEqualTypeOf<string | null | undefined>()
    expectTypeOf<Fields['x_any']>().toEqualTypeOf<string | number | boolean | null>()
    expectTypeOf<Content<typeof member>['summary']>().toEqualTypeOf<string | undefined>()
    const editor = editorOf(member, new Y.Doc())
    // @ts-expect-error a number is wanted
    editor.set('shoeSize', '44')
    // @ts-expect-error not a member of the enum
    editor.set('level', 'gold')
    // @ts-expect-error not a declared field
    expect(() => editor.set('hatSize', 4)).toThrow()
    // @ts-expect-error not a set
    expect(() => editor.add('summary', 'x')).toThrow()
    // @ts-expect-error `primary` is a boolean
    editor.setColumn('emails', 'e1', 'primary', 'yes')
    // @ts-expect-error the contact itself did not grow
    expect(() => editorOf(contact, new Y.Doc()).set('shoeSize', 44)).toThrow()
  })

  it('and validation, reading, editing and JSON Schema know it', () => {
    expect(validateContent(member, { fields: { shoeSize: 44, level: 'silver' } })).toEqual([])
    expect(validateContent(member, { fields: { shoeSize: 99 } })).toEqual([
      { path: ['fields', 'shoeSize'], code: 'range' },
      { path: ['fields', 'level'], code: 'kind' },
    ])
    expect(validateContent(contact, { fields: { shoeSize: 44 } })).toEqual([
      { path: ['fields', 'shoeSize'], code: 'unknown_field' },
    ])
    const document = new Y.Doc()
    writeContent(member, document, { fields: { shoeSize: 44, level: 'silver' } })
    const content = readContent(member, document)
    expect(content.fields).toEqual({ shoeSize: 44, level: 'silver' })
    if (isContent(member, content)) expectTypeOf(content.fields.level).toEqualTypeOf<'bronze' | 'silver'>()
    expect(readContent(contact, document).fields).toEqual({})
    const schema = jsonSchemaOf(member) as {
      required: unknown
      properties: { fields: { required: unknown; properties: Record<string, unknown> } }
    }
    expect(schema.required).toEqual(['fields'])
    expect(schema.properties.fields.required).toEqual(['level'])
    expect(schema.properties.fields.properties).toMatchObject({
      shoeSize: { anyOf: [{ type: 'number', minimum: 15, maximum: 50 }, { type: 'null' }] },
      level: { type: 'string', enum: ['bronze', 'silver'] },
    })
  })
})

describe('JSON Schema', () => {
  it('is draft 2020-12, closed at every level but for custom fields', () => {
    const schema = jsonSchemaOf(contact)
    expect(schema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'contact',
      type: 'object',
      required: [],
      additionalProperties: false,
      properties: {
        fields: {
          additionalProperties: false,
          patternProperties: { '^x_[a-z0-9_]{1,60}$': { type: ['string', 'number', 'boolean', 'null'] } },
          properties: {
            account: {
              anyOf: [{ type: 'string', pattern: '^[A-Za-z0-9_-]{1,128}$', 'x-reference': 'account' }, { type: 'null' }],
            },
            birthday: { anyOf: [{ type: 'string', format: 'date' }, { type: 'null' }] },
          },
        },
        summary: { type: 'string', maxLength: 100_000 },
        tags: { type: 'object', additionalProperties: { const: true }, maxProperties: 200 },
        emails: {
          type: 'object',
          maxProperties: 100,
          additionalProperties: {
            type: 'object',
            additionalProperties: false,
            properties: { order: { type: 'string' }, primary: { anyOf: [{ type: 'boolean' }, { type: 'null' }] } },
          },
        },
      },
    })
    expect(Object.keys((schema as { properties: object }).properties)).not.toContain('meta')
  })

  it('is JSON, with patterns that the Unicode mode which the draft asks for compiles', () => {
    const text = JSON.stringify(jsonSchemaOf(contact))
    expect(JSON.parse(text)).toEqual(jsonSchemaOf(contact))
    const patterns = [...text.matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)].map((match) => JSON.parse(match[1] as string) as string)
    expect(patterns.length).toBeGreaterThan(5)
    for (const pattern of patterns) expect(() => new RegExp(pattern, 'u')).not.toThrow()
  })
})
