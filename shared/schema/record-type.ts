/**
 * Record types: registers under `fields`, and further roots beside them (texts, rich texts, sets, collections). One
 * declaration is the only place where a type is described: `Content` below is its TypeScript type, and layout, reading,
 * editing, validation and JSON Schema all read the same data. A declared type may only grow.
 */
import type { Register, RegisterValue, Scalar } from './register.ts'

/** Plain text that several people type in at once. Lengths are in Unicode code points. */
export interface TextRoot {
  readonly kind: 'text'
  readonly maxLength: number
}

/** Formatted text for editor bindings: the only root in which shared types nest. */
export interface RichTextRoot {
  readonly kind: 'richText'
  /** Of its XML form. */
  readonly maxLength: number
}

/** Labels. An add that had not seen a remove wins over it. */
export interface SetRoot {
  readonly kind: 'set'
  readonly maxMembers: number
  /** Of one member. */
  readonly maxLength: number
}

export type Columns = Readonly<Record<string, Register>>

/** Entries of registers, each under an id of its own, in an order people can change. */
export interface CollectionRoot<C extends Columns = Columns> {
  readonly kind: 'collection'
  readonly columns: C
  readonly maxEntries: number
  /** The column that repeats the entry's id, where entries are named after the record they refer to. */
  readonly keyedBy?: keyof C & string
}

export type Root = TextRoot | RichTextRoot | SetRoot | CollectionRoot

/** The columns that every entry has by itself. */
export const ENTRY_COLUMNS = ['order', 'deleted'] as const

/** Roots that every record has by itself. */
export const SYSTEM_ROOTS = ['fields', 'meta'] as const

export interface RecordType {
  readonly name: string
  readonly schemaVersion: number
  readonly fields: Readonly<Record<string, Register>>
  readonly roots: Readonly<Record<string, Root>>
}

/** Custom fields need no declaration: at most this many per record, holding a string, a finite number or a boolean. */
export const CUSTOM_FIELD = /^x_[a-z0-9_]{1,60}$/
export const MAX_CUSTOM_FIELDS = 100
/** In Unicode code points. */
export const MAX_CUSTOM_LENGTH = 4000

export type CustomFields = Readonly<Record<`x_${string}`, Scalar | null>>

export function text<const R extends Omit<TextRoot, 'kind'>>(rules: R): R & { readonly kind: 'text' } {
  return { ...rules, kind: 'text' }
}

export function richText<const R extends Omit<RichTextRoot, 'kind'>>(rules: R): R & { readonly kind: 'richText' } {
  return { ...rules, kind: 'richText' }
}

export function set<const R extends Omit<SetRoot, 'kind'>>(rules: R): R & { readonly kind: 'set' } {
  return { ...rules, kind: 'set' }
}

type NoEntryColumns = { readonly [K in (typeof ENTRY_COLUMNS)[number]]?: never }

export function collection<const C extends Columns>(
  columns: C & NoEntryColumns,
  rules: { readonly maxEntries: number; readonly keyedBy?: keyof C & string },
): CollectionRoot<C> {
  return { ...rules, kind: 'collection', columns }
}

type NoSystemRoots = { readonly [K in (typeof SYSTEM_ROOTS)[number]]?: never }

/** Gives the declaration back unchanged, with its exact type. */
export function recordType<const T extends RecordType>(declaration: T & { readonly roots: NoSystemRoots }): T {
  return declaration
}

type RequiredNames<F extends Columns> = { [K in keyof F]: F[K] extends { readonly required: true } ? K : never }[keyof F]

type Registers<F extends Columns> = { readonly [K in RequiredNames<F>]: RegisterValue<F[K]> } & {
  readonly [K in Exclude<keyof F, RequiredNames<F>>]?: RegisterValue<F[K]> | null
}

/** One entry as content shows it; `order` sorts entries by code unit, ties by entry id. */
export type Entry<C extends Columns> = Registers<C> & { readonly order?: string }

export type RootContent<R extends Root> =
  R extends CollectionRoot<infer C>
    ? Readonly<Record<string, Entry<C>>>
    : R extends SetRoot
      ? Readonly<Record<string, true>>
      : string

/** A record's content as REST shows and takes it, if it is valid. What a document really holds is `ReadContent`. */
export type Content<T extends RecordType> = FieldContent<T['fields']> & {
  readonly [K in keyof T['roots']]?: RootContent<T['roots'][K]>
}

/** `fields` may be missing where no field is required. */
type FieldContent<F extends Columns> = [RequiredNames<F>] extends [never]
  ? { readonly fields?: Registers<F> & CustomFields }
  : { readonly fields: Registers<F> & CustomFields }

/** Names of the roots of one kind. */
export type RootsOfKind<T extends RecordType, K extends Root['kind']> = {
  [N in keyof T['roots'] & string]: T['roots'][N] extends { readonly kind: K } ? N : never
}[keyof T['roots'] & string]

/** Content that a new record can be given: rich text has no inverse from XML and starts empty. */
export type DraftContent<T extends RecordType> = Omit<Content<T>, RootsOfKind<T, 'richText'>>

/** The declaration under a name that came from outside; never something inherited from a prototype. */
export function own<V>(declarations: Readonly<Record<string, V>>, name: string): V | undefined {
  return Object.hasOwn(declarations, name) ? declarations[name] : undefined
}
