/**
 * Rapport with the judge replaced by a pass-through: every update is scanned, applied, committed and forwarded as it came, and
 * nothing is decided or noted of it. What judging costs is the difference. For one-field edits of honest people alone.
 */
import { systemClock } from '@rapport/shared/clock.ts'
import * as Y from 'yjs'
import type { Docket, Judgement } from '../../server/access/judge.ts'
import { startApp } from '../../server/app.ts'
import { authorOf } from '../../server/auth/principal.ts'
import { readConfig } from '../../server/config.ts'
import { createLifecycle } from '../../server/lifecycle.ts'
import type { JudgedEntry } from '../../server/log/entry.ts'
import { NO_FINDINGS } from '../../server/log/findings.ts'
import { createLogger } from '../../server/observability/logger.ts'

function passThrough({ document, submissions, position, key, entryId, now, type }: Docket): Judgement {
  const emitted: Uint8Array[] = []
  const collect = (update: Uint8Array): void => {
    emitted.push(update)
  }
  document.on('update', collect)
  document.transact((transaction) => {
    for (const submission of submissions) {
      if (submission.type === 'update') Y.applyUpdate(document, submission.update.bytes, passThrough)
    }
    transaction.local = true
  }, passThrough)
  document.off('update', collect)
  const verdicts = submissions.map(() => ({ type: 'admitted', issues: [] }) as const)
  const [update] = emitted
  if (update === undefined) return { entry: undefined, verdicts, altered: false }
  const authors = submissions.slice(0, 1).map(({ principal }) => authorOf(principal))
  const entry = {
    key,
    id: entryId,
    previous: position,
    update,
    authors,
    findings: NO_FINDINGS,
    schemaVersion: type.schemaVersion,
    at: now,
  }
  return { entry: entry as unknown as JudgedEntry, verdicts, altered: false }
}

const config = readConfig()
const log = createLogger(config.logLevel)
const lifecycle = createLifecycle(systemClock, log)
const port = await startApp(config, systemClock, log, lifecycle, { judge: passThrough })
process.on('SIGTERM', () => void lifecycle.stop().then(() => process.exit(0)))
console.log(`Rapport without its judge is listening on http://127.0.0.1:${port}`)
