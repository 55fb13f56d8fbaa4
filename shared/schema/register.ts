/**
 * Registers: the kinds of field that hold one value, as plain data. A declaration says what a value must look like; what it
 * means is derived from it elsewhere: its TypeScript type below, its validation in value-rules.ts, its JSON Schema in
 * json-schema.ts, its place in a document in layout.ts. Declarations are never mutated.
 */

/** How concurrent values of a register are settled. Without one, Yjs keeps a value and the other is recorded as a conflict. */
export type MergeRule = 'crm-wins' | 'mobile-wins' | 'max' | 'min'

interface Rules {
  /** An empty value (absent or null, for a string also blank) is invalid. */
  readonly required?: boolean
  readonly merge?: MergeRule
}

interface StringRules extends Rules {
  /** In Unicode code points. */
  readonly maxLength: number
}

interface NumberRules extends Rules {
  /** Both ends belong to the range. */
  readonly minimum?: number
  readonly maximum?: number
  readonly integer?: boolean
}

export interface StringRegister extends StringRules {
  readonly kind: 'string'
}

export interface NumberRegister extends NumberRules {
  readonly kind: 'number'
}

type PlainKind = 'boolean' | 'date' | 'datetime' | 'money' | 'email' | 'phone' | 'url'

/** A register whose values are fully described by its kind. */
export type PlainRegister = { [K in PlainKind]: Rules & { readonly kind: K } }[PlainKind]

export interface EnumRegister<M extends string = string> extends Rules {
  readonly kind: 'enum'
  readonly members: readonly M[]
}

/** The id of another record. Whether that record exists is not the document's business: references may arrive first. */
export interface ReferenceRegister extends Rules {
  readonly kind: 'reference'
  /** Name of the record type that is referred to. */
  readonly to: string
}

export type Register = StringRegister | NumberRegister | PlainRegister | EnumRegister | ReferenceRegister

/** What a register can hold at all. No register holds an object, a list or a nested shared type. */
export type Scalar = string | number | boolean

/** The TypeScript type of a register's value; emptiness is null or absence. */
export type RegisterValue<R> = R extends { readonly kind: 'number' }
  ? number
  : R extends { readonly kind: 'boolean' }
    ? boolean
    : R extends { readonly kind: 'enum'; readonly members: readonly (infer M)[] }
      ? M
      : string

/** Any text up to a length that Postgres can store: no NUL, no lone surrogate. */
export function string<const R extends StringRules>(rules: R): R & { readonly kind: 'string' } {
  return { ...rules, kind: 'string' }
}

/** A finite number. */
export function number<const R extends NumberRules = NumberRules>(rules?: R): R & { readonly kind: 'number' } {
  return { ...(rules as R), kind: 'number' }
}

export function boolean<const R extends Rules = Rules>(rules?: R): R & { readonly kind: 'boolean' } {
  return { ...(rules as R), kind: 'boolean' }
}

/** A calendar date, `YYYY-MM-DD`, years 0001 to 9999. */
export function date<const R extends Rules = Rules>(rules?: R): R & { readonly kind: 'date' } {
  return { ...(rules as R), kind: 'date' }
}

/** An instant in UTC (RFC 3339, with `Z`), to the microsecond at most: what a Postgres timestamp keeps. */
export function datetime<const R extends Rules = Rules>(rules?: R): R & { readonly kind: 'datetime' } {
  return { ...(rules as R), kind: 'datetime' }
}

/** One of a closed list of strings. */
export function oneOf<const M extends string, const R extends Rules = Rules>(
  members: readonly M[],
  rules?: R,
): R & { readonly kind: 'enum'; readonly members: readonly M[] } {
  return { ...(rules as R), kind: 'enum', members }
}

/** A decimal string such as `"1250.00"` that fits numeric(19,4): never a binary fraction. */
export function money<const R extends Rules = Rules>(rules?: R): R & { readonly kind: 'money' } {
  return { ...(rules as R), kind: 'money' }
}

export function email<const R extends Rules = Rules>(rules?: R): R & { readonly kind: 'email' } {
  return { ...(rules as R), kind: 'email' }
}

export function phone<const R extends Rules = Rules>(rules?: R): R & { readonly kind: 'phone' } {
  return { ...(rules as R), kind: 'phone' }
}

/** An absolute http or https address. */
export function url<const R extends Rules = Rules>(rules?: R): R & { readonly kind: 'url' } {
  return { ...(rules as R), kind: 'url' }
}

/** The id of a record of the named type. */
export function reference<const R extends Rules = Rules>(
  to: string,
  rules?: R,
): R & { readonly kind: 'reference'; readonly to: string } {
  return { ...(rules as R), kind: 'reference', to }
}
