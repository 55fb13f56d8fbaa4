/**
 * A record type's content as JSON Schema (draft 2020-12), for OpenAPI and for forms. It accepts all valid content; of the rules
 * that no keyword can say (real calendar dates, storable text, numbers of digits, how many custom fields) the server is the judge.
 */
import { CUSTOM_FIELD, MAX_CUSTOM_LENGTH, type RecordType, type Root } from './record-type.ts'
import type { Register } from './register.ts'
import { MAX_ORDER_LENGTH } from './validate-content.ts'
import { SHAPES } from './value-rules.ts'

/** JSON. */
export type JsonSchema = { readonly [keyword: string]: unknown }

const ENTRY_ID = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,128}$', not: { const: '__proto__' } } as const

export function jsonSchemaOf(type: RecordType): JsonSchema {
  const roots = Object.entries(type.roots).map(([name, root]): [string, JsonSchema] => [name, rootSchema(root)])
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: type.name,
    type: 'object',
    properties: { fields: fieldsSchema(type), ...Object.fromEntries(roots) },
    required: requiredNames(type.fields).length > 0 ? ['fields'] : [],
    additionalProperties: false,
  }
}

/** What a new record may begin with: rich text has no inverse from XML. */
export function draftSchemaOf(type: RecordType): JsonSchema {
  return contentSchema(type, (root) => (root.kind === 'richText' ? undefined : rootSchema(root)), fieldsSchema(type))
}

/** Content as it is read. A field may be missing that is required: only whoever makes a record at once has to give it. */
export function readSchemaOf(type: RecordType): JsonSchema {
  return contentSchema(type, rootSchema, { ...fieldsSchema(type), required: [] })
}

/** A merge patch (RFC 7396) of content: null clears, and takes an entry or a member out. */
export function patchSchemaOf(type: RecordType): JsonSchema {
  return contentSchema(type, (root) => orNull(patchOf(root)), { ...fieldsSchema(type), required: [] })
}

function contentSchema(type: RecordType, of: (root: Root) => JsonSchema | undefined, fields: JsonSchema): JsonSchema {
  const roots = Object.entries(type.roots).flatMap(([name, root]): [string, JsonSchema][] => {
    const schema = of(root)
    return schema === undefined ? [] : [[name, schema]]
  })
  return { type: 'object', properties: { fields, ...Object.fromEntries(roots) }, additionalProperties: false }
}

function patchOf(root: Root): JsonSchema {
  const schema = rootSchema(root)
  const inner = schema.additionalProperties
  // How many there are when it is applied, a patch does not say.
  if (root.kind === 'set') return { ...schema, maxProperties: undefined, additionalProperties: { enum: [true, null] } }
  if (root.kind === 'collection')
    return { ...schema, maxProperties: undefined, additionalProperties: orNull(inner as JsonSchema) }
  return schema
}

function orNull(schema: JsonSchema): JsonSchema {
  return { anyOf: [schema, { type: 'null' }] }
}

/** A register's schema; null is the empty value, which a required one may not have. */
export function registerSchema(register: Register): JsonSchema {
  const schema = valueSchema(register)
  return register.required ? schema : { anyOf: [schema, { type: 'null' }] }
}

function fieldsSchema(type: RecordType): JsonSchema {
  return {
    ...registersSchema(type.fields),
    patternProperties: { [CUSTOM_FIELD.source]: { type: ['string', 'number', 'boolean', 'null'], maxLength: MAX_CUSTOM_LENGTH } },
  }
}

function registersSchema(registers: Readonly<Record<string, Register>>): { readonly properties: JsonSchema } & JsonSchema {
  const properties = Object.entries(registers).map(([name, register]): [string, JsonSchema] => [name, registerSchema(register)])
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    required: requiredNames(registers),
    additionalProperties: false,
  }
}

function requiredNames(registers: Readonly<Record<string, Register>>): string[] {
  return Object.keys(registers).filter((name) => registers[name]?.required)
}

function valueSchema(register: Register): JsonSchema {
  switch (register.kind) {
    case 'string':
      return { type: 'string', maxLength: register.maxLength, ...(register.required ? { pattern: '\\S' } : {}) }
    case 'number':
      return {
        type: register.integer ? 'integer' : 'number',
        ...(register.minimum === undefined ? {} : { minimum: register.minimum }),
        ...(register.maximum === undefined ? {} : { maximum: register.maximum }),
      }
    case 'boolean':
      return { type: 'boolean' }
    case 'enum':
      return { type: 'string', enum: register.members }
    case 'reference':
      return { type: 'string', pattern: '^[A-Za-z0-9_-]{1,128}$', 'x-reference': register.to }
    default: {
      const { pattern, maxLength, format } = SHAPES[register.kind]
      return { type: 'string', pattern, maxLength, ...(format === undefined ? {} : { format }) }
    }
  }
}

function rootSchema(root: Root): JsonSchema {
  switch (root.kind) {
    case 'text':
      return { type: 'string', maxLength: root.maxLength }
    case 'richText':
      return { type: 'string', maxLength: root.maxLength, contentMediaType: 'application/xml' }
    case 'set':
      return {
        type: 'object',
        propertyNames: { maxLength: root.maxLength, pattern: '\\S', not: { const: '__proto__' } },
        maxProperties: root.maxMembers,
        additionalProperties: { const: true },
      }
    case 'collection': {
      const entry = registersSchema(root.columns)
      const properties = { ...entry.properties, order: { type: 'string', maxLength: MAX_ORDER_LENGTH } }
      return {
        type: 'object',
        propertyNames: ENTRY_ID,
        maxProperties: root.maxEntries,
        additionalProperties: { ...entry, properties },
      }
    }
    default:
      return root satisfies never
  }
}
