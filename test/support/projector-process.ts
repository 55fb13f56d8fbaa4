/**
 * A process that projects on the database it is given until it is killed: on the Postgres of DATABASE_URL, or on the embedded database of
 * RAPPORT_DATA_DIR, which another process has open. By the mappings that ship, or by a version of `people` if one is given. One line of stdout
 * says that it has begun.
 */
import { systemClock } from '@rapport/shared/clock.ts'
import { readConfig } from '../../server/config.ts'
import { joinDatabase } from '../../server/db.ts'
import { startEngine } from '../../server/engine.ts'
import { createLifecycle } from '../../server/lifecycle.ts'
import { createLogger } from '../../server/observability/logger.ts'
import { createMetrics } from '../../server/observability/metrics.ts'
import { peoplePlan } from './people-mapping.ts'

const log = createLogger('error')
const version = process.argv[2]
const { projector } = await startEngine({
  config: readConfig(),
  clock: systemClock,
  log,
  metrics: createMetrics(),
  lifecycle: createLifecycle(systemClock, log),
  open: joinDatabase,
  ...(version !== undefined && { plans: [peoplePlan(version === '1' ? 1 : 2)] }),
})
projector.start()
process.stdout.write('projecting\n')
