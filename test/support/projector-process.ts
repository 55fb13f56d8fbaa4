/**
 * A process that projects on the database it is given until it is killed: on the Postgres of DATABASE_URL, or on the embedded database of
 * RAPPORT_DATA_DIR, which another process has open. One line of stdout says that it has begun.
 */
import { systemClock } from '@rapport/shared/clock.ts'
import { readConfig } from '../../server/config.ts'
import { joinDatabase } from '../../server/db.ts'
import { startEngine } from '../../server/engine.ts'
import { createLifecycle } from '../../server/lifecycle.ts'
import { createLogger } from '../../server/observability/logger.ts'
import { createMetrics } from '../../server/observability/metrics.ts'

const log = createLogger('error')
const { projector } = await startEngine({
  config: readConfig(),
  clock: systemClock,
  log,
  metrics: createMetrics(),
  lifecycle: createLifecycle(systemClock, log),
  open: joinDatabase,
})
projector.start()
process.stdout.write('projecting\n')
