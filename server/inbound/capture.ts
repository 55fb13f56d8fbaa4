/**
 * The triggers by which mapped tables tell what SQL writers do to them. What they call is in the migrations; which columns they look
 * at comes from the plans, so they are put in place at each start, and left alone where they are right: replacing a trigger waits
 * for everybody who writes the table. Of two releases the one with the higher mapping version decides.
 *
 * A statement that changes no owned column is not captured (P8), nor is what the projector's own transactions write. That is a way to
 * tell them apart, not a border: whoever may write the tables may claim to be the projector.
 */
import { createHash } from 'node:crypto'
import { type Clock, sleep } from '@rapport/shared/clock.ts'
import type { Plan, PlanTable } from '@rapport/shared/mapping/plan.ts'
import type { Sql } from '../db.ts'
import { arrayLiteral } from '../log/insert-parts.ts'
import { quoted, tableName } from '../projection/table-statements.ts'

interface Trigger {
  readonly name: string
  readonly statement: string
}

/** Any number that no other program uses for a lock in the same database. */
const CAPTURE_LOCK = 7_269_312_056
/** Of each wait for those who write a table; after that many, the start fails. */
const LOCK_MILLISECONDS = 500
const TRIES = 20
const PAUSE = 250
/** Types whose JSON a reader would round. */
export const EXACT_TYPES: ReadonlySet<string> = new Set(['numeric', 'bigint', 'double precision'])

/** Throws what the database throws. */
export async function installCapture(sql: Sql, plans: readonly Plan[], clock: Clock): Promise<void> {
  for (const plan of plans) {
    for (const table of [plan.main, ...plan.children]) await installOn(sql, plan, table, clock)
  }
}

async function installOn(sql: Sql, plan: Plan, table: PlanTable, clock: Clock): Promise<void> {
  const triggers = triggersOf(plan, table)
  const hash = createHash('sha256').update(JSON.stringify(triggers)).digest('hex')
  for (let tries = 1; ; tries += 1) {
    if (await isInstalled(sql, plan, table, triggers, hash)) return
    try {
      await install(sql, plan, table, triggers, hash)
      return
    } catch (error) {
      // Somebody writes the table for longer: others must not queue up behind this for ever.
      if ((error as { readonly code?: unknown }).code !== LOCK_NOT_AVAILABLE || tries === TRIES) throw error
      await sleep(clock, PAUSE)
    }
  }
}

/** SQLSTATE. */
const LOCK_NOT_AVAILABLE = '55P03'

/** All of them are there, as of this plan or a newer one. */
async function isInstalled(
  sql: Sql,
  { mapping }: Plan,
  table: PlanTable,
  triggers: readonly Trigger[],
  hash: string,
): Promise<boolean> {
  const notes = await sql.unsafe<{ note: string | null }[]>(NOTES, [
    tableName(table),
    triggers.map(({ name }) => name),
  ] as never[])
  const marks = notes.map(({ note }) => /^mapping version (\d+), (\w+)$/.exec(note ?? ''))
  const isRight = (mark: RegExpExecArray | null): boolean => Number(mark?.[1]) > mapping.version || mark?.[2] === hash
  return notes.length === triggers.length && marks.every(isRight)
}

async function install(sql: Sql, { mapping }: Plan, table: PlanTable, triggers: readonly Trigger[], hash: string): Promise<void> {
  const notes = triggers.map(
    ({ name }) => `comment on trigger ${name} on ${tableName(table)} is 'mapping version ${mapping.version}, ${hash}'`,
  )
  // One message without parameters is one transaction, and over with its answer, whatever becomes of this process.
  const statements = [
    `set local lock_timeout = '${LOCK_MILLISECONDS}ms'`,
    `select pg_advisory_xact_lock(${CAPTURE_LOCK})`,
    ...triggers.map(({ statement }) => statement),
    ...notes,
  ]
  await sql.unsafe(statements.join('; '))
}

function triggersOf(plan: Plan, table: PlanTable): readonly Trigger[] {
  const owned = [...table.columns, ...table.inbound]
  const exact = owned.filter(({ type }) => EXACT_TYPES.has(type))
  const names = (columns: readonly { readonly name: string }[]): string => arrayLiteral(columns.map(({ name }) => name))
  const args = [plan.type.name, arrayLiteral(table.key), names(owned), names(exact)].map(literal).join(', ')
  const call = `execute function rapport.capture_row(${args})`
  const side = (row: string): string => `(${owned.map(({ name }) => `${row}.${quoted(name)}`).join(', ')})`
  const on = `on ${tableName(table)}`
  const trigger = (name: string, rest: string): Trigger => ({ name, statement: `create or replace trigger ${name} ${rest}` })
  return [
    trigger('rapport_inserted', `after insert ${on} for each row when (${OTHERS}) ${call}`),
    trigger(
      'rapport_updated',
      `after update ${on} for each row when (${OTHERS} and ${side('old')} is distinct from ${side('new')}) ${call}`,
    ),
    trigger('rapport_deleted', `after delete ${on} for each row when (${OTHERS}) ${call}`),
    trigger('rapport_truncated', `before truncate ${on} execute function rapport.refuse_truncate()`),
  ]
}

/** Not a transaction of the projector. */
const OTHERS = `current_setting('rapport.projecting', true) is distinct from 'on'`

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

const NOTES = `
select obj_description(oid, 'pg_trigger') as note from pg_trigger
where tgrelid = $1::text::regclass and tgname = any($2::text[]) and not tgisinternal`
