/**
 * Who may open a record, and what of it they may change. The rules are data: role × record type × how the person stands to the
 * record × field. Everything else here only looks them up, and does nothing but that: no document, no clock, no database.
 *
 * A change of the rules is a change of `shippedPolicy` and of nothing else. Of somebody's roles the one that allows most counts.
 * `meta` is the server's own, whatever the rules say. What may not be seen does not belong in a record that may be opened: no
 * rule hides a single field.
 */
import { SyncError } from '@rapport/shared/errors.ts'
import type { Principal, Role } from '../auth/principal.ts'

/** With `none` a record looks as if it were not there. */
export type Access = 'none' | 'read' | 'write'

/** The closest one holds: it is mine, it is my team's, or neither. */
export type Relation = 'owner' | 'team' | 'anyone'

export interface Grant {
  readonly record: Access
  /**
   * Where it is otherwise than for the record: at `fields/NAME`, at `fields/x_*` (custom fields), at `fields` (all of them), at
   * another root such as `emails`, by the closest of these. Of no effect on a record that may not be opened.
   */
  readonly except?: Readonly<Record<string, 'read' | 'write'>>
}

/** A relation that is not named has the grant of the next wider one: owner, team, anyone. */
export interface RelationGrants {
  readonly owner?: Grant
  readonly team?: Grant
  readonly anyone: Grant
}

export interface Policy {
  /** By role, then by record type, `*` for every type that is not named. Whoever is not named may nothing. */
  readonly grants: Readonly<Partial<Record<Role, Readonly<Record<string, RelationGrants>>>>>
}

const everything: Grant = { record: 'write' }

export const shippedPolicy: Policy = {
  grants: {
    rep: { '*': { anyone: { record: 'write', except: { 'fields/creditLimit': 'read', 'fields/owner': 'read' } } } },
    manager: { '*': { anyone: everything } },
    crm: { '*': { anyone: everything } },
    admin: { '*': { anyone: everything } },
    viewer: { '*': { anyone: { record: 'read' } } },
  },
}

/** `owner`: what `fields.owner` holds, the `sub` of a user or the name of a team. A new record has none yet. */
export function relationOf(principal: Principal, owner: unknown): Relation {
  if (typeof owner !== 'string' || owner === '') return 'anyone'
  if (owner === principal.sub) return 'owner'
  return principal.teams.includes(owner) ? 'team' : 'anyone'
}

/** Without a relation: whether any record of the type could be opened; without a type, any record at all. */
export function mayOpen(principal: Principal, type?: string, relation?: Relation, policy = shippedPolicy): boolean {
  return grantedTo(principal, policy, type, relation, ({ opens }) => opens)
}

/** Whether opening a record of the type depends on who owns it. */
export function opensByRelation(principal: Principal, type: string, policy = shippedPolicy): boolean {
  const [first, ...others] = RELATIONS.map((relation) => mayOpen(principal, type, relation, policy))
  return others.some((opens) => opens !== first)
}

/** Any write right at all, in any record; without it nothing of a principal's reaches a document. */
export function mayWrite(principal: Principal, policy = shippedPolicy): boolean {
  return grantedTo(principal, policy, undefined, undefined, ({ writes }) => writes)
}

/** Any write right in such a record: enough to delete and to restore it as a whole. */
export function mayWriteIn(principal: Principal, type: string, relation: Relation, policy = shippedPolicy): boolean {
  return grantedTo(principal, policy, type, relation, ({ writes }) => writes)
}

/** `root` is `fields`, and `name` the field; or `root` is another root, with all that is in it, and `name` is empty. */
export function mayWriteField(
  principal: Principal,
  type: string,
  relation: Relation,
  root: string,
  name: string,
  policy = shippedPolicy,
): boolean {
  return grantedTo(principal, policy, type, relation, (rules) => rules.writesAt(root, name))
}

const RELATIONS: readonly Relation[] = ['owner', 'team', 'anyone']

/** A grant, ready to be asked: this happens for every key that an edit touches. */
interface Rules {
  readonly opens: boolean
  readonly writes: boolean
  readonly writesAt: (root: string, name: string) => boolean
}

type RulesOfType = Readonly<Record<Relation, Rules>>
type RulesOfRole = ReadonlyMap<string, RulesOfType>
type Compiled = ReadonlyMap<Role, RulesOfRole>

const compiled = new WeakMap<Policy, Compiled>()

function grantedTo(
  { roles }: Principal,
  policy: Policy,
  type: string | undefined,
  relation: Relation | undefined,
  allows: (rules: Rules) => boolean,
): boolean {
  const byRole = compiledOf(policy)
  for (const role of roles) {
    const byType = byRole.get(role)
    if (byType === undefined) continue
    const named = type === undefined ? undefined : (byType.get(type) ?? byType.get('*'))
    const candidates = type === undefined ? byType.values() : named === undefined ? [] : [named]
    for (const rules of candidates) {
      if (relation === undefined ? RELATIONS.some((each) => allows(rules[each])) : allows(rules[relation])) return true
    }
  }
  return false
}

function compiledOf(policy: Policy): Compiled {
  let rules = compiled.get(policy)
  if (rules === undefined) {
    rules = compile(policy)
    compiled.set(policy, rules)
  }
  return rules
}

function compile({ grants }: Policy): Compiled {
  const byRole = Object.entries(grants).map(([role, types]): [Role, RulesOfRole] => {
    const byType = Object.entries(types).map(([type, { anyone, team = anyone, owner = team }]): [string, RulesOfType] => [
      type,
      { owner: rulesOf(owner), team: rulesOf(team), anyone: rulesOf(anyone) },
    ])
    return [role as Role, new Map(byType)]
  })
  return new Map(byRole)
}

const CUSTOM = 'x_*'
const PLACE = /^[^/*]+$|^fields\/(x_\*|[^/*]+)$/

function rulesOf({ record, except = {} }: Grant): Rules {
  const fields = new Map<string, boolean>()
  const roots = new Map<string, boolean>()
  for (const [place, access] of Object.entries(record === 'none' ? {} : except)) {
    if (!PLACE.test(place) || place === 'meta') throw new SyncError('configuration', `a policy cannot name ${place}`)
    const [root = '', field] = place.split('/')
    if (field === undefined) roots.set(root, access === 'write')
    else fields.set(field, access === 'write')
  }
  const whole = record === 'write'
  const anyField = roots.get('fields') ?? whole
  const custom = fields.get(CUSTOM) ?? anyField
  fields.delete(CUSTOM)
  return {
    opens: record !== 'none',
    writes: whole || [...roots.values(), ...fields.values(), custom].includes(true),
    writesAt(root, name) {
      if (root === 'fields') return fields.get(name) ?? (name.startsWith('x_') ? custom : anyField)
      return root !== 'meta' && (roots.get(root) ?? whole)
    },
  }
}
