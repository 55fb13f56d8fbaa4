/**
 * Commands for the operator of one server. The result goes to stdout alone, so that it can be piped; a failure is one line on
 * stderr and exit 1. Commands work beside a running server on the same data folder.
 */
import { Readable, Writable } from 'node:stream'
import { parseArgs } from 'node:util'
import { toSyncError } from '@rapport/shared/errors.ts'
import { parseTenant } from '@rapport/shared/ids.ts'
import { ROLES, type Role } from './auth/principal.ts'
import { openSigningKey } from './auth/signing-key.ts'
import { isSubject, MAX_LIFE_SECONDS, mintToken } from './auth/tokens.ts'
import { type Config, readConfig } from './config.ts'
import { joinDatabase } from './db.ts'
import { createLogger } from './observability/logger.ts'

const DEFAULT_TTL_SECONDS = 3_600
/** How long a command that failed outside of what it awaits is left to close its database. */
const CLOSING_MILLISECONDS = 3_000

const HELP = `Usage: npm run --silent cli -- COMMAND

  token --tenant TENANT --sub SUBJECT --role ROLE [--role ROLE …] [--team TEAM …] [--ttl SECONDS]
      Prints a token of this server, signed with the key in its data folder. Roles: ${ROLES.join(' ')}.
      It ends after ${DEFAULT_TTL_SECONDS} seconds unless told otherwise.
  sql "STATEMENT"
      Runs one statement in the server's database and prints the rows as a JSON array.
  help
      Prints this.
`

/** What was typed makes no sense; the message says what would. */
class UsageError extends Error {}

type Command = (config: Config, args: readonly string[]) => Promise<string>

const COMMANDS: Readonly<Record<string, Command>> = {
  token: printToken,
  sql: runStatement,
  help: async () => HELP,
}

async function printToken(config: Config, args: readonly string[]): Promise<string> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      tenant: { type: 'string' },
      sub: { type: 'string' },
      role: { type: 'string', multiple: true },
      team: { type: 'string', multiple: true },
      ttl: { type: 'string' },
    },
  })
  const tenant = parseTenant(values.tenant ?? '')
  if (tenant === undefined) throw new UsageError('--tenant must be 1 to 64 letters, digits, dots, dashes or underscores.')
  const { sub = '' } = values
  if (!isSubject(sub)) throw new UsageError('--sub must be 1 to 200 printable characters, and not rapport.')
  const roles = (values.role ?? []).map(roleOf)
  if (roles.length === 0) throw new UsageError(`--role must be one of ${ROLES.join(', ')}.`)
  const ttl = Number(values.ttl ?? DEFAULT_TTL_SECONDS)
  if (!Number.isSafeInteger(ttl) || ttl < 1 || ttl > MAX_LIFE_SECONDS) {
    throw new UsageError(`--ttl must be a whole number of seconds from 1 to ${MAX_LIFE_SECONDS}.`)
  }
  const key = await openSigningKey(config.dataDirectory)
  const token = await mintToken(key, { audience: config.audience, tenant, sub, roles, teams: values.team ?? [] }, ttl)
  return `${token}\n`
}

function roleOf(text: string): Role {
  const role = ROLES.find((known) => known === text)
  if (role === undefined) throw new UsageError(`--role must be one of ${ROLES.join(', ')}.`)
  return role
}

async function runStatement(config: Config, args: readonly string[]): Promise<string> {
  const [statement, ...rest] = args
  if (statement === undefined || rest.length > 0) throw new UsageError('sql takes one statement, in quotes.')
  const database = await joinDatabase(config, createLogger('error'))
  try {
    const answer: unknown = await database.sql.unsafe(statement)
    if (Array.isArray(answer)) return `${JSON.stringify([...answer], plainValue)}\n`
    // The driver answers a copy with a stream, whatever its types say.
    if (answer instanceof Readable || answer instanceof Writable) answer.on('error', () => undefined).destroy()
    throw new UsageError('sql does not copy from stdin or to stdout: read with select, write with insert.')
  } finally {
    await database.close()
  }
}

/** Bytes as Postgres writes them, `\\x` and hexadecimal digits; everything else as JSON does. */
function plainValue(this: Readonly<Record<string, unknown>>, name: string, value: unknown): unknown {
  const raw = this[name]
  return raw instanceof Uint8Array ? `\\x${Buffer.from(raw).toString('hex')}` : value
}

let failed = false

async function main(args: readonly string[]): Promise<void> {
  const [name = 'help', ...rest] = args
  try {
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (command === undefined) throw new UsageError(`There is no command of that name; "help" lists those that exist.`)
    const result = await command(readConfig(), rest)
    await new Promise<void>((resolve, reject) => process.stdout.write(result, (error) => (error ? reject(error) : resolve())))
  } catch (error) {
    fail(error)
  }
}

/** Only the first failure is told: the others follow from it. */
function fail(error: unknown): void {
  if (!failed) process.stderr.write(`${oneLine(error)}\n`)
  failed = true
  process.exitCode = 1
}

/** The operator sees the database's own message, since the statement is the operator's own. */
function oneLine(error: unknown): string {
  return toSyncError(error).message.replaceAll(/\s*\n\s*/g, ' ')
}

// The driver's streams and sockets fail outside of what is awaited; nor is it certain then that what is awaited ever comes.
process.on('uncaughtException', (error) => {
  fail(error)
  setTimeout(() => process.exit(), CLOSING_MILLISECONDS).unref()
})
await main(process.argv.slice(2))
