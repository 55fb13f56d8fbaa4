/**
 * Turns mappings into plans, or says in one error everything that is wrong with them: a sentence a problem, with the mapping and the
 * rule. What a plan says needs no check afterwards.
 */
import { SyncError } from '../errors.ts'
import { own, type RecordType } from '../schema/record-type.ts'
import type { Claim } from './claim.ts'
import { mainClaims, recordClaims, tableClaims } from './claims.ts'
import { checkGuards } from './guard-checks.ts'
import { isTableRule, type Mapping, type TableRule, tableSource } from './mapping.ts'
import { checkForm, type Report, ruleName } from './mapping-form.ts'
import type { Plan, PlanTable } from './plan.ts'
import { type TableUse, tablePlan } from './table-plan.ts'
import type { TableShape } from './table-shape.ts'

/** Throws a `configuration` error. */
export function compileMapping(mapping: Mapping, recordType: RecordType, tables: readonly TableShape[]): Plan {
  const [plan] = compileMappings([mapping], { [recordType.name]: recordType }, tables)
  if (plan === undefined) throw new SyncError('internal', 'a mapping was compiled to nothing')
  return plan
}

/**
 * Plans in the order of the mappings; ids are unique, and each table belongs to one mapping and one of its rules. Throws a
 * `configuration` error.
 */
export function compileMappings(
  mappings: readonly Mapping[],
  recordTypes: Readonly<Record<string, RecordType>>,
  tables: readonly TableShape[],
): readonly Plan[] {
  const problems: string[] = []
  const owners: TableOwners = new Map()
  const ids = new Set<string>()
  const plans = mappings.map((mapping, index): Plan | undefined => {
    const name = mappingName(mapping, index)
    const report: Report = (by, reason) => {
      problems.push(`${name}${by === undefined ? '' : `, ${by}`}: ${reason}.`)
    }
    const before = problems.length
    checkForm(mapping, report)
    // What has not the form of a mapping has no names to look up.
    if (problems.length > before) return undefined
    if (ids.has(mapping.id)) report(undefined, 'another mapping has the same id')
    ids.add(mapping.id)
    const type = own(recordTypes, mapping.recordType)
    if (type !== undefined) return planOf(mapping, type, tables, owners, report)
    report(undefined, `there is no record type ${mapping.recordType}`)
    return undefined
  })
  if (problems.length > 0) throw new SyncError('configuration', problems.join(' '))
  return plans.filter((plan) => plan !== undefined)
}

/** By table: the mapping, and the rule if it is a child's, as messages name them. */
type TableOwners = Map<string, string>

/** `undefined` only if something was reported. */
function planOf(
  mapping: Mapping,
  type: RecordType,
  tables: readonly TableShape[],
  owners: TableOwners,
  report: Report,
): Plan | undefined {
  const { tenant, id } = mapping.identity
  const named = mapping.rules.map((rule, index) => ({ rule, by: ruleName(undefined, index, rule.rule) }))
  const columns = named.flatMap(({ rule, by }) => (isTableRule(rule) ? [] : mainClaims(rule, by, type, report)))
  const own = named.flatMap(({ rule, by }) => {
    const source = tableSource(rule)
    return source === undefined ? [] : [{ rule: source.rule, by, claims: tableClaims(source, by, type, report) }]
  })
  checkPaths([...columns, ...own.flatMap(({ claims }) => claims)], report)

  function table(name: string, use: TableUse): PlanTable | undefined {
    const owner = owners.get(name)
    if (use.by !== undefined && name === mapping.table) {
      report(use.by, `table ${name} is the main table of the mapping, and its rows cannot be their own parents`)
    } else if (owner !== undefined) report(use.by, `table ${name} belongs to ${owner} already`)
    else owners.set(name, use.by === undefined ? `mapping ${mapping.id}` : `mapping ${mapping.id}, ${use.by}`)
    const shape = tables.find((one) => one.name === name)
    if (shape === undefined) report(use.by, `there is no table ${name}`)
    return shape && tablePlan(use, shape, report)
  }

  const identity = recordClaims(mapping.identity, 'identity')
  const main = table(mapping.table, { by: undefined, key: [tenant, id], claims: [...identity, ...columns] })
  const children = own.map(({ rule, by, claims }) => {
    const key = [rule.parent.tenant, rule.parent.id, keyColumn(rule)] as const
    return table(rule.table, { by, key, claims: [...recordClaims(rule.parent, by), ...claims] })
  })
  checkGuards(mapping.guards ?? [], type, main, tables, report)
  return main && { mapping, type, main, children: children.filter((child) => child !== undefined) }
}

/** One place in the document is written back from one column: two could say different things. */
function checkPaths(claims: readonly Claim[], report: Report): void {
  const owners = new Map<string, string>()
  for (const { by, paths = [], direction } of claims) {
    if (direction === 'out' || direction === 'off') continue
    for (const path of paths) {
      const owner = owners.get(path)
      if (owner === undefined) owners.set(path, by)
      else report(by, `${path} is mapped by ${owner} already, and could not be written back from two places`)
    }
  }
}

/** The column of the primary key that follows those for the record. */
function keyColumn(rule: TableRule): string {
  if (rule.rule === 'members') return rule.member
  return rule.rule === 'child' ? rule.id : rule.other
}

/** As good a name as something that may not be a mapping has; the place is counted from 1. */
function mappingName(mapping: { readonly id?: unknown } | null, index: number): string {
  return typeof mapping?.id === 'string' ? `Mapping ${mapping.id}` : `Mapping number ${index + 1}`
}
