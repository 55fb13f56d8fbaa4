/**
 * Declares a mapping against a record type and the tables that it fills: a name that neither has does not compile. What comes out is plain
 * data, and the compiler of mappings judges it as it judges any other.
 */
import type {
  ChildRule,
  ColumnRule,
  Guard,
  MainRule,
  Mapping,
  Overflow,
  SlotsRule,
  TableRule,
} from '@rapport/shared/mapping/mapping.ts'
import type { CollectionRoot, RecordType, RootsOfKind } from '@rapport/shared/schema/record-type.ts'
import type { PgTable } from 'drizzle-orm/pg-core'
import type { ShippedMapping } from './shipped-mapping.ts'

type Tables = Readonly<Record<string, PgTable>>
type Names<T extends Tables> = T[keyof T]['_']['name']
type Named<T extends Tables, N extends string> = Extract<T[keyof T], { readonly _: { readonly name: N } }>

/** Columns as the database names them. */
type ColumnsOf<T extends PgTable> = { [K in keyof T['_']['columns']]: T['_']['columns'][K]['_']['name'] }[keyof T['_']['columns']]

type FieldsOf<T extends RecordType> = keyof T['fields'] & string
type EntryColumns<T extends RecordType, R extends string> =
  T['roots'][R] extends CollectionRoot<infer C> ? keyof C & string : never

/** A rule with narrower names. */
type With<R, P> = R extends R ? Omit<R, keyof P> & P : never

type ParentOf<C> = { readonly tenant: C; readonly id: C }

/** Of one root and one table. */
type ChildOf<T extends RecordType, R extends string, P extends PgTable, C = ColumnsOf<P>> = With<
  ChildRule,
  {
    readonly root: R
    readonly table: P['_']['name']
    readonly parent: ParentOf<C>
    readonly id: C
    readonly order?: C
    readonly columns: readonly ColumnRule<EntryColumns<T, R>, C>[]
  }
>

type LinkOf<T extends RecordType, R extends string, P extends PgTable, C = ColumnsOf<P>> = With<
  Extract<TableRule, { readonly rule: 'link' }>,
  {
    readonly root: R
    readonly table: P['_']['name']
    readonly parent: ParentOf<C>
    readonly other: C
    readonly columns: readonly ColumnRule<EntryColumns<T, R>, C>[]
  }
>

type MembersOf<T extends RecordType, P extends PgTable, C = ColumnsOf<P>> = With<
  Extract<TableRule, { readonly rule: 'members' }>,
  { readonly root: RootsOfKind<T, 'set'>; readonly table: P['_']['name']; readonly parent: ParentOf<C>; readonly member: C }
>

type OverflowOf<T extends RecordType, R extends string, P extends PgTable, C> =
  | Exclude<Overflow<EntryColumns<T, R>, C>, { readonly table: string }>
  | Omit<ChildOf<T, R, P>, 'rule' | 'root' | 'order'>

type SlotsOf<T extends RecordType, R extends string, M extends PgTable, P extends PgTable> = With<
  SlotsRule<R, EntryColumns<T, R>, ColumnsOf<M>>,
  { readonly overflow: OverflowOf<T, R, P, ColumnsOf<M>> }
>

type MainOf<T extends RecordType, M extends PgTable, C = ColumnsOf<M>> =
  | ColumnRule<FieldsOf<T>, C>
  | With<Extract<MainRule, { readonly rule: 'text' }>, { readonly root: RootsOfKind<T, 'text' | 'richText'>; readonly column: C }>
  | With<Extract<MainRule, { readonly rule: 'custom' | 'system' | 'lifecycle' }>, { readonly column: C }>

/** Of every table that is given and every collection that the type has. */
type TablesOf<T extends RecordType, M extends PgTable, P extends PgTable> = P extends P
  ?
      | MembersOf<T, P>
      | { [R in RootsOfKind<T, 'collection'>]: ChildOf<T, R, P> | LinkOf<T, R, P> | SlotsOf<T, R, M, P> }[RootsOfKind<
          T,
          'collection'
        >]
  : never

type TypedMapping<T extends RecordType, A extends Tables, N extends string> = Omit<
  Mapping,
  'recordType' | 'table' | 'identity' | 'rules' | 'guards'
> & {
  /** The main table. */
  readonly table: N
  readonly identity: ParentOf<ColumnsOf<Named<A, N>>>
  readonly rules: readonly (MainOf<T, Named<A, N>> | TablesOf<T, Named<A, N>, A[keyof A]>)[]
  readonly guards?: readonly Guard<FieldsOf<T>, ColumnsOf<Named<A, N>>>[]
}

export function defineMapping<const T extends RecordType, const A extends Tables, const N extends Names<A>>(
  type: T,
  tables: A,
  mapping: TypedMapping<T, A, N>,
): ShippedMapping {
  return { tables: Object.values(tables), mapping: { ...(mapping as unknown as Mapping), recordType: type.name } }
}
