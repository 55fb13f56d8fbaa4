import { recordTypes } from '@rapport/shared/records/record-types.ts'
import { own, type RecordType } from '@rapport/shared/schema/record-type.ts'
import { describe, expect, test } from 'vitest'
import {
  mayOpen,
  mayWrite,
  mayWriteField,
  mayWriteIn,
  opensByRelation,
  type Policy,
  type Relation,
  relationOf,
  shippedPolicy,
} from '../../../server/access/policy.ts'
import { type Principal, ROLES, type Role } from '../../../server/auth/principal.ts'

const RELATIONS: readonly Relation[] = ['owner', 'team', 'anyone']
const TYPES: readonly RecordType[] = Object.values(recordTypes)

function person(roles: readonly Role[], teams: readonly string[] = []): Principal {
  return { tenant: 't', sub: 'ada', roles, teams, expiresAt: Number.POSITIVE_INFINITY } as unknown as Principal
}

/** Every place of a type's documents that a rule can name, and some that it does not declare. */
function placesOf(type: RecordType): readonly (readonly [string, string])[] {
  const fields = [...Object.keys(type.fields), 'x_colour', 'x_owner', 'nope'].map((name) => ['fields', name] as const)
  return [...fields, ...Object.keys(type.roots).map((root) => [root, ''] as const), ['nope', '']]
}

const EVERYTHING = TYPES.flatMap((type) =>
  RELATIONS.flatMap((relation) => placesOf(type).map(([root, name]) => ({ type: type.name, relation, root, name }))),
)

/** As `contact fields/owner`, for every relation alike. */
function deniedTo(role: Role): string[] {
  const denied = EVERYTHING.filter(
    ({ type, relation, root, name }) => !mayWriteField(person([role]), type, relation, root, name),
  ).map(({ type, root, name }) => `${type} ${root}/${name}`)
  for (const place of denied) expect(denied.filter((each) => each === place)).toHaveLength(RELATIONS.length)
  return [...new Set(denied)]
}

describe('the policy that ships', () => {
  test('lets a rep write all but the credit limit and the owner, custom fields of such names included', () => {
    expect(deniedTo('rep').sort()).toEqual([
      'account fields/creditLimit',
      'account fields/owner',
      'contact fields/creditLimit',
      'contact fields/owner',
      'opportunity fields/owner',
    ])
  })

  test.each<Role>(['manager', 'crm', 'admin'])('lets a %s write all', (role) => {
    expect(deniedTo(role)).toEqual([])
  })

  test('lets a viewer write nothing', () => {
    expect(deniedTo('viewer')).toHaveLength(TYPES.flatMap(placesOf).length)
  })

  test.each(ROLES)('lets no %s write meta, whole or in part', (role) => {
    for (const type of Object.keys(recordTypes)) {
      for (const relation of RELATIONS) {
        for (const name of ['', 'schemaVersion', 'createdAt', 'createdBy', 'deletedAt', 'x_more']) {
          expect(mayWriteField(person([role]), type, relation, 'meta', name)).toBe(false)
        }
      }
    }
  })

  test('lets everybody with a role open every record, and all but viewers write in it', () => {
    for (const role of ROLES) {
      const writes = role !== 'viewer'
      expect([mayOpen(person([role])), mayWrite(person([role]))]).toEqual([true, writes])
      for (const type of Object.keys(recordTypes)) {
        expect([mayOpen(person([role]), type), opensByRelation(person([role]), type)]).toEqual([true, false])
        for (const relation of RELATIONS) {
          expect(mayOpen(person([role]), type, relation)).toBe(true)
          expect(mayWriteIn(person([role]), type, relation)).toBe(writes)
        }
      }
    }
  })

  test('lets nobody without a role do anything', () => {
    expect([mayOpen(person([])), mayWrite(person([])), mayWriteIn(person([]), 'contact', 'owner')]).toEqual([false, false, false])
    expect(EVERYTHING.some(({ type, relation, root, name }) => mayWriteField(person([]), type, relation, root, name))).toBe(false)
  })

  test('lets somebody of several roles do what any of them may', () => {
    expect(mayWriteField(person(['viewer', 'manager']), 'contact', 'anyone', 'fields', 'owner')).toBe(true)
    expect(mayWriteField(person(['viewer', 'rep']), 'contact', 'anyone', 'fields', 'owner')).toBe(false)
    expect(mayWriteField(person(['viewer', 'rep']), 'contact', 'anyone', 'emails', '')).toBe(true)
  })

  test('names no type, field or root that none of its types declares', () => {
    for (const [type, { owner, team, anyone }] of Object.values(shippedPolicy.grants).flatMap((types) => Object.entries(types))) {
      const types = type === '*' ? TYPES : TYPES.filter(({ name }) => name === type)
      expect(types).not.toEqual([])
      for (const place of [owner, team, anyone].flatMap((grant) => Object.keys(grant?.except ?? {}))) {
        const [root = '', name] = place.split('/')
        const declares = ({ fields, roots }: RecordType): boolean =>
          name === undefined
            ? root === 'fields' || own(roots, root) !== undefined
            : name === 'x_*' || own(fields, name) !== undefined
        expect([place, types.some(declares)]).toEqual([place, true])
      }
    }
  })
})

describe('the relation to a record', () => {
  test.each<readonly [unknown, Relation]>([
    ['ada', 'owner'],
    ['north', 'team'],
    ['south', 'team'],
    ['grace', 'anyone'],
    ['ADA', 'anyone'],
    ['', 'anyone'],
    [null, 'anyone'],
    [undefined, 'anyone'],
    [7, 'anyone'],
    [['ada'], 'anyone'],
  ])('of which the owner is %j is %s', (owner, relation) => {
    expect(relationOf(person(['rep'], ['north', 'south', '']), owner)).toBe(relation)
  })

  test('is the closer one for somebody who is named as a team is', () => {
    expect(relationOf(person(['rep'], ['ada']), 'ada')).toBe('owner')
  })
})

describe('another policy', () => {
  /** Reps see their own and their team's contacts and change the former; of opportunities all see all, and change some of it. */
  const policy: Policy = {
    grants: {
      rep: {
        contact: {
          owner: { record: 'write', except: { 'fields/x_*': 'read', 'fields/x_mood': 'write', tags: 'read' } },
          team: { record: 'read', except: { tags: 'write' } },
          anyone: { record: 'none', except: { emails: 'write' } },
        },
        '*': { anyone: { record: 'write', except: { fields: 'read', 'fields/stage': 'write' } } },
      },
      viewer: { opportunity: { owner: { record: 'read' }, anyone: { record: 'none' } } },
      crm: { account: { anyone: { record: 'read' } } },
      manager: { contact: { team: { record: 'write' }, anyone: { record: 'read' } } },
    },
  }
  const writable = (roles: readonly Role[], type: string, relation: Relation, ...places: readonly string[]): string[] =>
    places.filter((place) => {
      const [root = '', name = ''] = place.split('/')
      return mayWriteField(person(roles), type, relation, root, name, policy)
    })
  const SOME = ['fields/firstName', 'fields/x_colour', 'fields/x_mood', 'fields/stage', 'tags', 'emails', 'summary', 'meta']

  test('has its say by field, custom field and root, the closest rule first', () => {
    const own = ['fields/firstName', 'fields/x_mood', 'fields/stage', 'emails', 'summary']
    expect(writable(['rep'], 'contact', 'owner', ...SOME)).toEqual(own)
    expect(writable(['rep'], 'contact', 'team', ...SOME)).toEqual(['tags'])
    expect(writable(['rep'], 'opportunity', 'anyone', ...SOME)).toEqual(['fields/stage', 'tags', 'emails', 'summary'])
  })

  test('gives nothing at all in a record that may not be opened, whatever its exceptions say', () => {
    expect(writable(['rep'], 'contact', 'anyone', ...SOME)).toEqual([])
    expect(mayWriteIn(person(['rep']), 'contact', 'anyone', policy)).toBe(false)
  })

  test('opens by relation where it says so', () => {
    const opened = (role: Role, type: string): Relation[] =>
      RELATIONS.filter((each) => mayOpen(person([role]), type, each, policy))
    expect(opened('rep', 'contact')).toEqual(['owner', 'team'])
    expect(opened('rep', 'opportunity')).toEqual(RELATIONS)
    expect(opened('viewer', 'opportunity')).toEqual(['owner'])
    const opensBy = (roles: readonly Role[], type: string): boolean => opensByRelation(person(roles), type, policy)
    expect([opensBy(['rep'], 'contact'), opensBy(['rep'], 'account'), opensBy(['viewer'], 'opportunity')]).toEqual([
      true,
      false,
      true,
    ])
    // Another role opens all that the first one does not.
    expect(opensBy(['rep', 'manager'], 'contact')).toBe(false)
  })

  test('says of a type, and of all types, whether there is anything to open and to write', () => {
    const opens = (role: Role, type?: string): boolean => mayOpen(person([role]), type, undefined, policy)
    expect([opens('viewer'), opens('viewer', 'opportunity'), opens('viewer', 'contact')]).toEqual([true, true, false])
    expect([opens('crm', 'account'), opens('crm', 'contact'), opens('admin')]).toEqual([true, false, false])
    const writes = ROLES.filter((role) => mayWrite(person([role]), policy))
    expect(writes).toEqual(['rep', 'manager'])
    // One exception is a right to write, too.
    expect(mayWriteIn(person(['rep']), 'contact', 'team', policy)).toBe(true)
  })

  test('gives the owner what it gives the team, and the team what it gives anyone, where it does not name them', () => {
    expect(RELATIONS.filter((each) => mayWriteIn(person(['manager']), 'contact', each, policy))).toEqual(['owner', 'team'])
    expect(RELATIONS.filter((each) => mayOpen(person(['crm']), 'account', each, policy))).toEqual(RELATIONS)
  })

  test('takes of two roles the one that allows more, place by place', () => {
    expect(writable(['rep', 'manager'], 'contact', 'team', 'tags', 'emails')).toEqual(['tags', 'emails'])
    expect(writable(['rep', 'manager'], 'contact', 'anyone', 'tags', 'emails')).toEqual([])
    expect(writable(['rep', 'crm'], 'account', 'anyone', 'fields/name', 'tags')).toEqual(['tags'])
  })

  test.each(['meta', 'fields/', 'emails/label', '*', 'fields/*', 'fields/x_a*', ''])('cannot name %j', (place) => {
    const odd: Policy = { grants: { rep: { '*': { anyone: { record: 'read', except: { [place]: 'write' } } } } } }
    expect(() => mayWrite(person(['viewer']), odd)).toThrow(expect.objectContaining({ code: 'configuration' }))
  })
})
