/**
 * The process. Says on stdout, in one line, where it serves; ends in good order on SIGTERM and SIGINT, at once on the second
 * one; says in one sentence on stderr why it could not start.
 */
import { systemClock } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import { startApp } from './app.ts'
import { type Config, readConfig } from './config.ts'
import { isLostTypeQuery } from './db.ts'
import { createLifecycle } from './lifecycle.ts'
import { createLogger, type Logger } from './observability/logger.ts'

/** A stop that takes longer is cut short, so that the 10 s in which it is promised are kept. */
const LAST_RESORT_MS = 9_500

async function main(): Promise<void> {
  const config = readConfig()
  const log = createLogger(config.logLevel)
  const lifecycle = createLifecycle(systemClock, log)
  let stopping = false

  const onSignal = (signal: string): void => {
    if (stopping) process.exit(1)
    stopping = true
    log.info({ signal }, 'stopping')
    setTimeout(() => process.exit(0), LAST_RESORT_MS).unref()
    void lifecycle.stop().then(() => process.exit(0))
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  process.on('uncaughtException', (error) => fail(log, error))
  process.on('unhandledRejection', (error) => {
    if (isLostTypeQuery(error)) log.warn({ err: error }, 'a new connection to the database was lost')
    else fail(log, error)
  })

  try {
    const port = await startApp(config, systemClock, log, lifecycle)
    if (!stopping) process.stdout.write(`Rapport is listening on http://${hostOf(config)}:${port}\n`)
  } catch (error) {
    // A stop that came during the start has taken parts away from under it.
    if (!stopping) throw error
  }
}

/** Nothing is known to be whole any more. What was acknowledged is in the database; a new process starts from there. */
function fail(log: Logger, error: unknown): void {
  log.fatal({ err: error }, 'unexpected failure')
  process.exit(1)
}

function hostOf({ host }: Config): string {
  return host.includes(':') ? `[${host}]` : host
}

function explain(error: unknown): string {
  if (error instanceof SyncError) return error.message
  const { code } = error as { readonly code?: unknown }
  return `Rapport cannot start (${typeof code === 'string' ? code : error instanceof Error ? error.message : 'unknown'}).`
}

main().catch((error: unknown) => {
  process.stderr.write(`${explain(error)}\n`)
  process.exit(1)
})
