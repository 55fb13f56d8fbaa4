/**
 * Whose the one session is at the moment. The server's own connections set nothing, and have it as it comes. A guest (psql, an
 * administrator's tool, a command) sets what it likes, so its settings go away when somebody else takes over and come back with
 * its own next request: a `search_path` of psql's holds in psql and nowhere else. What this costs, 0.5 ms, falls on the first
 * request behind a guest's; without guests there is nothing to do.
 *
 * A guest that discards all prepared statements (`discard all`) discards everybody's. A statement of our own, which nobody else
 * knows, tells: if it is gone, those of the others are prepared again.
 *
 * Not kept apart, because they cannot be: temporary tables, cursors `with hold`, statements prepared by SQL, advisory locks,
 * listening, and settings of other programs' names (`app.user`), which a guest loses. They go with the last guest.
 */
import { BACKEND, firstColumn, frontendMessage, messagesIn, query, SYNC } from './messages.ts'
import type { Settings } from './startup.ts'
import type { Statements } from './statements.ts'

/** What is needed of PGlite. */
export interface Backend {
  /** Runs whole protocol messages and hands out the answers. What `answer` returns is read behind the messages, without delay. */
  run(messages: Uint8Array, answer: (bytes: Uint8Array) => Uint8Array | undefined): Promise<void>
  /** Whether a transaction block is open, a failed one included. */
  inTransaction(): boolean
}

export interface Member {
  readonly guest: boolean
  /** Of a guest: what it has set, as of when the session was last taken from it. */
  settings: Settings
  readonly statements: Statements
}

export interface Session {
  /** Makes the session this member's. Resolves with an ErrorResponse if its settings cannot be made; then it is nobody's. */
  take(member: Member, unnamed: Buffer | undefined): Promise<Buffer | undefined>
  /** Ends what the member has left open if it was `holding` the session, and clears up behind it. */
  leave(member: Member, holding: boolean): Promise<void>
}

/** Settings that `pg_settings` does not list. */
const UNLISTED = ['session_authorization', 'role', 'rapport.actor']
/** What they are then; the last one, of `json_build_array`, is null. */
const UNSET: readonly (string | null)[] = ['', 'none', null]
const CANARY = 'rapport_canary'
const PREPARE_CANARY = Buffer.concat([frontendMessage('P', `${CANARY}\0select\0\0\0`), SYNC])
const ROLLBACK = query('rollback')
/** Not `reset session authorization`: PGlite's session has begun without one, and then that does nothing. */
const RESET_USER = 'set session authorization postgres'
const RESET = query(`${RESET_USER}; reset all`)

/** As hexadecimal digits of JSON in UTF-8, which come through whatever encoding the guest has set. */
const json = (value: string): string => `select pg_catalog.encode(pg_catalog.convert_to(${value}::text, 'UTF8'), 'hex')`
const NAMES = query(`${json('pg_catalog.json_agg(name)')} from pg_catalog.pg_prepared_statements`)
/** Answers with three rows: the unlisted settings, the listed ones, and the canary's unless it is gone. */
const SAVE_AND_RESET = query(
  [
    // Before the role goes, and the others behind it, for it may not be allowed to see them.
    json(
      `pg_catalog.json_build_array(${UNLISTED.map((name) => `pg_catalog.json_build_array('${name}', pg_catalog.current_setting('${name}', true))`)})`,
    ),
    RESET_USER,
    `${json('pg_catalog.json_agg(pg_catalog.json_build_array(name, setting))')} from pg_catalog.pg_settings where source = 'session'`,
    `select name from pg_catalog.pg_prepared_statements where name = '${CANARY}'`,
    'reset all',
  ].join('; '),
)
const SWEEP = query(`close all; unlisten *; discard temp; select pg_catalog.pg_advisory_unlock_all(); do $$
  declare one text;
  begin
    for one in select name from pg_catalog.pg_prepared_statements where from_sql loop
      execute pg_catalog.format('deallocate %I', one);
    end loop;
  end $$`)

export function createSession(backend: Backend): Session {
  const members = new Set<Member>()
  /** The guest whose settings the session has. */
  let present: Member | undefined
  let canaryLives = false

  async function ask(messages: Uint8Array): Promise<readonly Buffer[]> {
    const pieces: Buffer[] = []
    await backend.run(messages, (bytes) => {
      pieces.push(Buffer.from(bytes))
      return undefined
    })
    const answers = [...messagesIn(Buffer.concat(pieces))]
    if (answers.at(-1)?.[0] !== BACKEND.readyForQuery) throw new Error('the database session stopped answering')
    return answers
  }

  /** Of each row its first column; no rows if there was an error, for then nothing is done. */
  async function rows(messages: Uint8Array): Promise<readonly (string | undefined)[]> {
    const answers = await ask(messages)
    return answers.some(isError) ? [] : answers.filter((message) => message[0] === BACKEND.dataRow).map(firstColumn)
  }

  async function reset(): Promise<void> {
    if ((await ask(RESET)).some(isError)) throw new Error('the database session cannot be reset')
  }

  async function takeFrom(guest: Member): Promise<void> {
    present = undefined
    const [unlisted, listed, canary] = await rows(SAVE_AND_RESET)
    if (unlisted === undefined) return await reset()
    const settings: Settings = parse(listed) ?? []
    guest.settings = [...settings, ...(parse<Settings>(unlisted) ?? []).filter(([, value]) => !UNSET.includes(value))]
    if (canary === undefined) await prepareForOthers(guest)
  }

  async function prepareForOthers(guest: Member): Promise<void> {
    const [names] = await rows(NAMES)
    guest.statements.keep(new Set(parse<string[]>(names)))
    await ask(PREPARE_CANARY)
    for (const member of members) {
      if (member === guest) continue
      const messages = member.statements.prepareAgain()
      if (messages.length > 0) await ask(messages)
    }
  }

  return {
    async take(member, unnamed) {
      members.add(member)
      const next = member.guest ? member : undefined
      if (next === present) return undefined
      if (present !== undefined) await takeFrom(present)
      if (next === undefined) return undefined
      if (!canaryLives) await ask(PREPARE_CANARY)
      canaryLives = true
      // Also with nothing to set: a simple query lets go of somebody else's unnamed statement.
      const refusal = (await ask(query(settingStatement(next.settings)))).find(isError)
      if (refusal !== undefined) return refusal
      present = next
      if (unnamed !== undefined) await ask(Buffer.concat([unnamed, SYNC]))
      return undefined
    },

    async leave(member, holding) {
      if (holding) {
        await ask(SYNC)
        if (backend.inTransaction()) await ask(ROLLBACK)
      }
      members.delete(member)
      if (present === member) await takeFrom(member)
      else if (present === undefined) await reset()
      const closing = member.statements.close()
      if (closing.length > 0) await ask(closing)
      if (member.guest && ![...members].some(({ guest }) => guest)) await ask(SWEEP)
    },
  }
}

const isError = (message: Buffer): boolean => message[0] === BACKEND.errorResponse

function parse<T>(hex: string | undefined): T | undefined {
  return hex === undefined ? undefined : JSON.parse(Buffer.from(hex, 'hex').toString())
}

function settingStatement(settings: Settings): string {
  if (settings.length === 0) return ''
  const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`
  return `select ${settings.map(([name, value]) => `pg_catalog.set_config(${quote(name)}, ${quote(value)}, false)`).join(', ')}`
}
