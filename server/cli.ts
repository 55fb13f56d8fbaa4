/**
 * Commands for the operator of one server. The result goes to stdout alone, so that it can be piped; a failure is one line on
 * stderr and exit 1. Commands work beside a running server on the same data folder.
 */
import { toSyncError } from '@rapport/shared/errors.ts'
import { ROLES } from './auth/principal.ts'
import { type Command, UsageError } from './commands/command.ts'
import { DRIFTED, printDrift } from './commands/drift.ts'
import { printFaults } from './commands/faults.ts'
import { importCustomers } from './commands/import.ts'
import { manageMappings } from './commands/mapping.ts'
import { rebuildRows } from './commands/rebuild.ts'
import { DEFAULT_DAYS, noteRestoration } from './commands/restored.ts'
import { runStatement } from './commands/sql.ts'
import { DEFAULT_TTL_SECONDS, printToken } from './commands/token.ts'
import { manageWebhooks, OVERLAP_HOURS } from './commands/webhook.ts'
import { readConfig } from './config.ts'

/** How long a command that failed outside of what it awaits is left to close its database. */
const CLOSING_MILLISECONDS = 3_000

const HELP = `Usage: npm run --silent cli -- COMMAND

  token --tenant TENANT --sub SUBJECT --role ROLE [--role ROLE …] [--team TEAM …] [--ttl SECONDS]
      Prints a token of this server, signed with the key in its data folder. Roles: ${ROLES.join(' ')}.
      It ends after ${DEFAULT_TTL_SECONDS} seconds unless told otherwise.
  sql "STATEMENT"
      Runs one statement in the server's database and prints the rows as a JSON array.
  rebuild [TYPE] [--anew]
      Writes the rows of all records again, or of one type's, wherever they are not what the records say. Goes on with one that was
      interrupted less than an hour ago, unless told to begin anew. Prints what it found as JSON.
  drift [TYPE] [--exit-code] [--repair [--dry-run] [--foreign absorb|restore|review]]
      Says whether the rows of all records, or of one type's, are what the records say: as JSON, by kinds of difference, with how many, since
      how many seconds, and some by name. --exit-code: ends with ${DRIFTED} if something is amiss. --repair writes such rows again, and looks once more;
      --dry-run only says what it would do. What somebody changed in rows unseen becomes an edit of the record, unless --foreign gives it up
      (restore) or leaves it to a person (review).
  faults
      Prints as JSON which records cannot be written as rows and why, and which values fit no column.
  mapping
      Prints as JSON the versions of each mapping and where they stand: in force, or how far the backfill is, and which columns earlier ones left behind.
  mapping contract ID [--dry-run] [--keep | --discard]
      Drops what earlier versions of the mapping wrote and this one does not, once all rows are of this one. --keep leaves it in the tables, as the
      CRM's own; --discard drops also what somebody changed there since.
  restored [--days N] [--end]
      Says that the database was restored from a backup: for N days (${DEFAULT_DAYS} unless told otherwise), or until --end, what a client brings of
      other people's edits is taken, since the database may have lost them. Prints until when, as JSON.
  webhook add --tenant TENANT --url URL [--types TYPE,TYPE…]
      Sends a tenant's change events from now on to a URL, all of them or those of some record types. Prints its id and the secret that
      signs them, as JSON; the secret is not shown again.
  webhook list | remove ID | resume ID | replay ID --after CURSOR | rotate ID
      Prints all of them and how they stand, or deletes one; delivers again to one that was given up or had enough; sends all events behind
      a cursor of the feed again, under the same ids; gives a new secret, beside which the old one signs for ${OVERLAP_HOURS} hours.
  import FILE [--tenant TENANT] [--format vcard|google|outlook|hubspot|csv] [--mapping FILE.json] [--dates day-first|month-first]
      Imports customers from vCards (3.0, 4.0) or from a CSV export of Google Contacts, Outlook or HubSpot; from other tables with a
      mapping file. Prints what it did as JSON. Run again, it imports nothing twice. Lines that are broken are skipped and listed
      there; they do not make it fail. Tenant: demo unless told otherwise.
  help
      Prints this.
`

const COMMANDS: Readonly<Record<string, Command>> = {
  token: printToken,
  sql: runStatement,
  import: importCustomers,
  rebuild: rebuildRows,
  drift: printDrift,
  faults: printFaults,
  mapping: manageMappings,
  restored: noteRestoration,
  webhook: manageWebhooks,
  help: async () => HELP,
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
