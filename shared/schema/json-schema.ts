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
