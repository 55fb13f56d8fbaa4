/** Record types that nobody declared, tables that hold them, and mappings between the two; and what may have been written into their documents. */
import { registerCodec } from '@rapport/shared/mapping/codecs.ts'
import { compileMapping } from '@rapport/shared/mapping/compile.ts'
import {
  AUTHORITIES,
  type ColumnRule,
  DIRECTIONS,
  type Flow,
  isTableRule,
  type MainRule,
  type Mapping,
  type TableRule,
} from '@rapport/shared/mapping/mapping.ts'
import type { Plan } from '@rapport/shared/mapping/plan.ts'
import type { TableShape } from '@rapport/shared/mapping/table-shape.ts'
import type { Columns, RecordType, Root } from '@rapport/shared/schema/record-type.ts'
import type { Register } from '@rapport/shared/schema/register.ts'
import { rewriteText } from '@rapport/shared/schema/text-edit.ts'
import fc from 'fast-check'
import * as Y from 'yjs'
import { table } from './things.ts'
import { COLUMN_TYPES, valuesOf } from './values.ts'

export interface RandomMapping {
  /** What a failed property shows of it. */
  readonly [fc.toStringMethod]: () => string
  readonly plan: Plan
  /** The same with every value going both ways that can: shows what the document says in each column. */
  readonly view: Plan
}

const required = fc.constantFrom(undefined, undefined, undefined, true).map((one) => (one ? { required: one } : {}))
const registers: fc.Arbitrary<Register> = fc
  .tuple(
    fc.oneof(
      fc.constantFrom('boolean', 'date', 'datetime', 'money', 'email', 'phone', 'url').map((kind) => ({ kind }) as Register),
      fc.integer({ min: 1, max: 12 }).map((maxLength): Register => ({ kind: 'string', maxLength })),
      fc.constantFrom<Register>(
        { kind: 'number' },
        { kind: 'number', integer: true },
        { kind: 'number', minimum: 0, maximum: 100 },
      ),
      fc.integer({ min: 1, max: 4 }).map((many): Register => ({ kind: 'enum', members: ['a', 'b', 'c', 'd'].slice(0, many) })),
      fc.constant<Register>({ kind: 'reference', to: 'random' }),
    ),
    required,
  )
  .map(([register, rules]) => ({ ...register, ...rules }))

function columnsNamed(prefix: string, most: number): fc.Arbitrary<Columns> {
  return fc
    .array(registers, { minLength: 1, maxLength: most })
    .map((list) => Object.fromEntries(list.map((register, index) => [`${prefix}${index}`, register])))
}

const types: fc.Arbitrary<RecordType> = fc
  .tuple(
    columnsNamed('f', 6),
    columnsNamed('c', 3),
    columnsNamed('l', 2),
    fc.subarray(['summary', 'notes', 'tags', 'items', 'peers']),
  )
  .map(([fields, columns, linkColumns, named]) => {
    const roots: Record<string, Root> = {
      summary: { kind: 'text', maxLength: 60 },
      notes: { kind: 'richText', maxLength: 60 },
      tags: { kind: 'set', maxMembers: 3, maxLength: 8 },
      items: { kind: 'collection', columns, maxEntries: 4 },
      peers: {
        kind: 'collection',
        columns: { peer: { kind: 'reference', to: 'random' }, ...linkColumns },
        maxEntries: 4,
        keyedBy: 'peer',
      },
    }
    return {
      name: 'random',
      schemaVersion: 1,
      fields,
      roots: Object.fromEntries(named.map((name) => [name, roots[name] as Root])),
    }
  })

const flows: fc.Arbitrary<Flow> = fc.record(
  {
    direction: fc.oneof(
      { weight: 3, arbitrary: fc.constant('both' as const) },
      { weight: 1, arbitrary: fc.constantFrom(...DIRECTIONS) },
    ),
    authority: fc.constantFrom(...AUTHORITIES),
  },
  { requiredKeys: [] },
)

type Choice = { readonly type: string; readonly flow: Flow; readonly spelt: boolean }

function choicesFor(registersThere: Columns): fc.Arbitrary<Readonly<Record<string, Choice>>> {
  return fc.record(
    Object.fromEntries(
      Object.entries(registersThere).map(([name, register]) => {
        const types = COLUMN_TYPES.filter((type) => registerCodec(register.kind, type) !== undefined)
        return [name, fc.record({ type: fc.constantFrom(...types), flow: flows, spelt: fc.boolean() })]
      }),
    ),
  )
}

function columnRule(field: string, register: Register, { flow, spelt }: Choice): ColumnRule {
  const named = { field, column: `${field}_col`, ...flow }
  if (register.kind === 'reference') return { rule: 'lookup', ...named }
  if (register.kind !== 'enum') return { rule: 'field', ...named }
  const values = Object.fromEntries(register.members.map((member) => [member, member.toUpperCase()]))
  return { rule: 'enum', ...named, ...(spelt && { values }) }
}

const typesOf = (choices: Readonly<Record<string, Choice>>) =>
  Object.fromEntries(Object.entries(choices).map(([name, { type }]) => [`${name}_col`, type]))

const parent = { tenant: 'tenant', id: 'random_id' }

export const randomMappings: fc.Arbitrary<RandomMapping> = types
  .chain((type) => {
    const inner = (name: string): Columns => {
      const root = type.roots[name]
      if (root?.kind !== 'collection') return {}
      return Object.fromEntries(Object.entries(root.columns).filter(([column]) => column !== root.keyedBy))
    }
    return fc.record({
      type: fc.constant(type),
      fields: choicesFor(type.fields),
      items: choicesFor(inner('items')),
      peers: choicesFor(inner('peers')),
      flows: fc.tuple(flows, flows, flows),
      ordered: fc.boolean(),
    })
  })
  .map(({ type, fields, items, peers, flows: [text, custom, lifecycle], ordered }) => {
    const ruled = (registersThere: Columns, choices: Readonly<Record<string, Choice>>): ColumnRule[] =>
      Object.entries(choices).map(([name, choice]) => columnRule(name, registersThere[name] as Register, choice))
    const rules: (MainRule | TableRule)[] = [
      ...ruled(type.fields, fields),
      { rule: 'const', column: 'kind', value: 'random' },
      { rule: 'custom', column: 'custom', ...custom },
      { rule: 'system', source: 'sequence', column: 'sequence' },
      { rule: 'lifecycle', column: 'deleted_at', ...lifecycle },
    ]
    const shapes: TableShape[] = [
      table('randoms', ['tenant', 'id'], {
        ...typesOf(fields),
        kind: 'text',
        custom: 'jsonb',
        sequence: 'bigint',
        deleted_at: 'timestamp with time zone',
        summary: 'text',
        notes: 'text',
      }),
    ]
    if (type.roots.summary) rules.push({ rule: 'text', root: 'summary', column: 'summary', ...text })
    if (type.roots.notes) rules.push({ rule: 'text', root: 'notes', column: 'notes' })
    if (type.roots.tags) {
      rules.push({ rule: 'members', root: 'tags', table: 'random_tags', parent, member: 'tag' })
      shapes.push(table('random_tags', ['tenant', 'random_id', 'tag'], {}))
    }
    if (type.roots.items?.kind === 'collection') {
      const columns = ruled(type.roots.items.columns, items)
      rules.push({
        rule: 'child',
        root: 'items',
        table: 'random_items',
        parent,
        id: 'id',
        columns,
        ...(ordered && { order: 'place' }),
      })
      shapes.push(table('random_items', ['tenant', 'random_id', 'id'], { ...typesOf(items), place: 'integer' }))
    }
    if (type.roots.peers?.kind === 'collection') {
      const columns = ruled(type.roots.peers.columns, peers)
      rules.push({ rule: 'link', root: 'peers', table: 'random_peers', parent, other: 'peer_id', columns })
      shapes.push(table('random_peers', ['tenant', 'random_id', 'peer_id'], typesOf(peers)))
    }
    const mapping: Mapping = {
      id: 'randoms',
      version: 1,
      recordType: 'random',
      table: 'randoms',
      identity: { tenant: 'tenant', id: 'id' },
      rules,
    }
    return shown(compileMapping(mapping, type, shapes), compileMapping(openly(mapping), type, shapes))
  })

export function shown(plan: Plan, view: Plan): RandomMapping {
  return { plan, view, [fc.toStringMethod]: () => JSON.stringify([plan.type, plan.mapping.rules]) }
}

/** The same mapping without any directions. */
function openly(mapping: Mapping): Mapping {
  const open = <R extends MainRule>(rule: R): R => ('direction' in rule ? { ...rule, direction: 'both' } : rule)
  const rules = mapping.rules.map((rule) => {
    if (!isTableRule(rule)) return open(rule)
    return rule.rule === 'members' ? rule : { ...rule, columns: rule.columns.map(open) }
  })
  return { ...mapping, rules }
}

/** One thing that somebody does to a document. */
export type Write = (document: Y.Doc) => void

export const ENTRIES = ['e1', 'e2', 'e3', 'e4', '7', '10']
export const MEMBERS = ['vip', 'Zoë', 'new', 'old', 'on hold']

const misfits = fc.constantFrom<unknown>('a\0b', 'x'.repeat(99), 1e300, -7, true, 'no such thing', { deep: 1 }, null)

/** Mostly what the type takes; the rest is what a client that nobody judged could have left there. */
export function writesInto(type: RecordType): fc.Arbitrary<Write[]> {
  const put =
    (root: string, key: string, value: unknown): Write =>
    (document) =>
      void document.getMap(root).set(key, value)
  const value = (register: Register) =>
    fc.oneof(
      { weight: 8, arbitrary: valuesOf(register) },
      { weight: 2, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: misfits },
    )
  const kinds: fc.Arbitrary<Write>[] = [
    fc
      .tuple(fc.constantFrom('x_a', 'x_b', 'x_c'), fc.oneof(fc.constantFrom(null, 'text', true), fc.integer()))
      .map(([key, one]) => put('fields', key, one)),
    fc.constantFrom(null, '2026-01-02T03:04:05.678Z', '2026-01-01T00:00:00.000Z').map((one) => put('meta', 'deletedAt', one)),
  ]
  for (const [name, register] of Object.entries(type.fields)) kinds.push(value(register).map((one) => put('fields', name, one)))
  for (const [name, root] of Object.entries(type.roots)) {
    if (root.kind === 'text') {
      kinds.push(
        fc.tuple(fc.nat(60), fc.constantFrom('one ', 'two ', 'Zoë 😀 ', ', ', 'x'), fc.boolean()).map(
          ([at, inserted, anew]): Write =>
            (document) => {
              const text = document.getText(name)
              const now = text.toString()
              const index = anew ? 0 : Math.min(at, now.length)
              if (anew) rewriteText(text, inserted + now.slice(0, at).toWellFormed())
              else rewriteText(text, `${now.slice(0, index)}${inserted}${now.slice(index)}`.toWellFormed())
            },
        ),
      )
    }
    if (root.kind === 'richText') {
      kinds.push(
        fc.constantFrom('one', 'two').map(
          (one): Write =>
            (document) => {
              const paragraph = new Y.XmlElement('paragraph')
              paragraph.insert(0, [new Y.XmlText(one)])
              document.getXmlFragment(name).insert(0, [paragraph])
            },
        ),
      )
    }
    if (root.kind === 'set')
      kinds.push(
        fc.tuple(fc.constantFrom(...MEMBERS), fc.constantFrom(true, true, false)).map(([member, held]) => (document) => {
          if (held) document.getMap(name).set(member, true)
          else document.getMap(name).delete(member)
        }),
      )
    if (root.kind !== 'collection') continue
    const entry = fc.constantFrom(...ENTRIES)
    kinds.push(
      fc
        .tuple(entry, fc.constantFrom('V', 'a', 'b', 'k', 'V', 'not base 62'))
        .map(([id, order]) => put(name, `${id}/order`, order)),
      fc.tuple(entry, fc.constantFrom(true, null, null)).map(([id, deleted]) => put(name, `${id}/deleted`, deleted)),
    )
    for (const [column, register] of Object.entries(root.columns)) {
      if (column === root.keyedBy) kinds.push(entry.map((id) => put(name, `${id}/${column}`, id)))
      else kinds.push(fc.tuple(entry, value(register)).map(([id, one]) => put(name, `${id}/${column}`, one)))
    }
  }
  return fc.array(fc.oneof(...kinds), { maxLength: 25 })
}
