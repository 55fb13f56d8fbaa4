/** An engine for the length of a command, beside a running server or without one. */
import { systemClock } from '@rapport/shared/clock.ts'
import type { Config } from '../config.ts'
import { joinDatabase } from '../db.ts'
import { type Engine, startEngine } from '../engine.ts'
import { createLifecycle } from '../lifecycle.ts'
import { createLogger } from '../observability/logger.ts'
import { createMetrics } from '../observability/metrics.ts'

export async function withEngine<T>(config: Config, use: (engine: Engine) => Promise<T>): Promise<T> {
  const log = createLogger('error')
  const lifecycle = createLifecycle(systemClock, log)
  try {
    const needs = { config, clock: systemClock, log, metrics: createMetrics(), lifecycle, open: joinDatabase }
    return await use(await startEngine(needs))
  } finally {
    await lifecycle.stop()
  }
}
