/** `cli import`: customers from another program's export, beside a running server or without one. */
import { constants, readFileSync } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type Clock, sleep, systemClock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import { parseTenant } from '@rapport/shared/ids.ts'
import type { Config } from '../config.ts'
import type { Engine } from '../engine.ts'
import { FORMAT_NAMES } from '../import/formats.ts'
import { type ImportRequest, importFile } from '../import/importer.ts'
import { DATE_ORDERS, type MappingFile, parseMapping } from '../import/mapping-file.ts'
import { startProgress } from '../import/progress.ts'
import { checkFormat } from '../import/reading.ts'
import { UsageError } from './command.ts'
import { withEngine } from './engine.ts'

/** How long commits may fail before the import is given up, and how often that is looked at. Milliseconds. */
const PATIENCE = 30_000
const LOOK_EVERY = 1_000

const AGAIN = 'run the same command again, and it goes on where it ended'

export async function importCustomers(config: Config, args: readonly string[]): Promise<string> {
  const request = requestOf(args)
  const size = await sizeOf(request.path)
  await checkFormat(request.path, request.choice)
  const ending = new AbortController()
  const interrupt = (): void => ending.abort(new SyncError('draining', `The import was interrupted; ${AGAIN}.`))
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  const progress = startProgress(size, systemClock)
  try {
    const report = await withEngine(config, async (engine) => {
      const deps = {
        registry: engine.registry,
        sql: engine.database.sql,
        clock: systemClock,
        signal: ending.signal,
        progress: progress.at,
      }
      const done = await withPatience(importFile(request, deps), engine, ending, systemClock)
      progress.during('Writing rows')
      await engine.projector.drain()
      return done
    })
    return `${JSON.stringify(report, null, 2)}\n`
  } catch (error) {
    throw presentable(error)
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
    progress.end()
  }
}

function requestOf(args: readonly string[]): ImportRequest {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      tenant: { type: 'string', default: 'demo' },
      format: { type: 'string' },
      mapping: { type: 'string' },
      dates: { type: 'string' },
    },
  })
  const [path, ...more] = positionals
  if (path === undefined || more.length > 0) throw new UsageError('import takes one file.')
  const tenant = parseTenant(values.tenant)
  if (tenant === undefined) throw new UsageError('--tenant must be 1 to 64 letters, digits, dots, dashes or underscores.')
  const format = values.format === undefined ? undefined : oneOf(values.format, FORMAT_NAMES, '--format')
  const dates = values.dates === undefined ? undefined : oneOf(values.dates, DATE_ORDERS, '--dates')
  const mapping = values.mapping === undefined ? undefined : mappingAt(values.mapping)
  if (mapping !== undefined && format !== undefined && format !== 'csv') {
    throw new UsageError('--mapping goes with the format csv; the others know their columns.')
  }
  return { path, tenant, choice: { format, mapping }, dates }
}

function oneOf<T extends string>(given: string, allowed: readonly T[], option: string): T {
  const found = allowed.find((one) => one === given)
  if (found === undefined) throw new UsageError(`${option} must be one of ${allowed.join(', ')}.`)
  return found
}

function mappingAt(path: string): MappingFile {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw unreadable('The mapping file', error)
  }
  return parseMapping(text.replace(/^\uFEFF/, ''))
}

/** The file is read twice, which a pipe does not allow. */
async function sizeOf(path: string): Promise<number> {
  try {
    const found = await stat(path)
    if (!found.isFile()) throw new UsageError('import reads a regular file; this is a folder or a pipe.')
    await access(path, constants.R_OK)
    return found.size
  } catch (error) {
    throw error instanceof UsageError ? error : unreadable('The file', error)
  }
}

/** What the database and the runtime say may quote what was imported. */
function presentable(error: unknown): Error {
  if (error instanceof SyncError && error.code === 'overload') {
    return new SyncError('overload', `The database cannot be reached; ${AGAIN}.`, { cause: error })
  }
  if (error instanceof SyncError || error instanceof UsageError) return error
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown }
  return new SyncError('internal', `The import failed (${String(code ?? name)}); ${AGAIN}.`, { cause: error })
}

function unreadable(what: string, cause: unknown): SyncError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
  return new SyncError('invalid', `${what} cannot be read (${code}).`, { cause })
}

/** A log that cannot commit goes on trying for ever, which is right for a server and not for somebody who waits for a command. */
async function withPatience<T>(work: Promise<T>, { updateLog }: Engine, ending: AbortController, clock: Clock): Promise<T> {
  let done = false
  const watch = async (): Promise<T> => {
    let healthyAt = clock.elapsed()
    while (!done && clock.elapsed() - healthyAt < PATIENCE) {
      await sleep(clock, LOOK_EVERY)
      if (updateLog.healthy()) healthyAt = clock.elapsed()
    }
    if (done) return await work
    const error = new SyncError('commit_failed', `The database has not committed anything for ${PATIENCE / 1_000} s; ${AGAIN}.`)
    ending.abort(error)
    throw error
  }
  try {
    return await Promise.race([work, watch()])
  } finally {
    done = true
  }
}
