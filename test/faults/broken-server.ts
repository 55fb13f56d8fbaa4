/**
 * The server with a log that is broken on purpose: it says "stored" at once and stores afterwards. Started only by the fault run,
 * to show that the run would notice; everything else is as in `server/main.ts`.
 */
import { systemClock } from '@rapport/shared/clock.ts'
import { startApp } from '../../server/app.ts'
import { readConfig } from '../../server/config.ts'
import type { Sql } from '../../server/db.ts'
import { createLifecycle } from '../../server/lifecycle.ts'
import type { LogStore } from '../../server/log/log-store.ts'
import { createSqlLogStore } from '../../server/log/sql-log-store.ts'
import { createLogger } from '../../server/observability/logger.ts'

function createForgetfulStore(sql: Sql): LogStore {
  const store = createSqlLogStore(sql)
  let storing: Promise<unknown> = Promise.resolve()
  return {
    ...store,
    insert(entries) {
      storing = storing.then(() => store.insert(entries)).catch(() => undefined)
      return Promise.resolve(new Set(entries.map((entry) => entry.id)))
    },
  }
}

const config = readConfig()
const log = createLogger(config.logLevel)
const lifecycle = createLifecycle(systemClock, log)
process.on('SIGTERM', () => lifecycle.stop().then(() => process.exit(0)))
const port = await startApp(config, systemClock, log, lifecycle, { createStore: createForgetfulStore })
console.log(`listening on http://${config.host}:${port}`)
