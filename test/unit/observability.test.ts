import { SyncError, toSyncError } from '@rapport/shared/errors.ts'
import { describe, expect, test } from 'vitest'
import { createLogger } from '../../server/observability/logger.ts'
import { createMetrics } from '../../server/observability/metrics.ts'

function logged(write: (log: ReturnType<typeof createLogger>) => void): string {
  const lines: string[] = []
  write(createLogger('trace', (line) => lines.push(line)))
  return lines.join('')
}

describe('logs hold no data', () => {
  test('an error of the database leaves its code and place, not its words', () => {
    const error = Object.assign(new Error('invalid input syntax for type date: "marker"'), {
      name: 'PostgresError',
      code: '22007',
      routine: 'DateTimeParseError',
      detail: 'Failing row contains (marker).',
      where: 'marker',
    })
    for (const err of [error, toSyncError(error), new SyncError('commit_failed', 'The commit failed.', { cause: error })]) {
      const line = logged((log) => log.error({ err }, 'statement failed'))
      expect(line).not.toContain('marker')
      expect(line).toContain('22007')
    }
  })

  test('an error that lost its class on the way from another thread keeps its name and place, and says no word', () => {
    const stack = 'ExitStatus: row (marker)\n    at marker in row 1\n    at run (file:///worker.ts:9:3)'
    const line = logged((log) =>
      log.fatal(
        { err: { name: 'ExitStatus', code: 'ERR_EXIT', message: 'row (marker)\n    at marker in row 1', status: 1, stack } },
        'broke',
      ),
    )
    expect(JSON.parse(line)).toMatchObject({
      err: { type: 'ExitStatus', code: 'ERR_EXIT', stack: ['at run (file:///worker.ts:9:3)'] },
    })
    expect(line).not.toContain('marker')
    for (const err of [{ name: 'marker of a value', code: 'marker' }, { name: 7 }, null, 'marker']) {
      expect(logged((log) => log.fatal({ err }))).not.toContain('marker')
    }
  })

  test('a line of a message that looks like a place is not quoted', () => {
    const error = Object.assign(new Error('invalid input\n    at marker'), { name: 'PostgresError', code: '22007' })
    const line = logged((log) => log.error({ err: error }))
    expect(line).not.toContain('marker')
    expect(line).toContain('observability.test.ts')
  })

  test('an error of the JSON parser is not quoted', () => {
    const line = logged((log) => {
      try {
        JSON.parse('{"name": marker}')
      } catch (err) {
        log.warn({ err }, 'malformed')
      }
    })
    expect(line).not.toContain('marker')
    expect(line).toContain('SyntaxError')
  })

  test('tokens, URLs and bytes under their usual names are censored', () => {
    const line = logged((log) =>
      log.info({ token: 'marker', request: { url: '/sync?token=marker', headers: { authorization: 'marker' } } }),
    )
    expect(line).not.toContain('marker')
  })

  test('our own errors keep their sentence, and a cause its place', () => {
    const line = logged((log) =>
      log.error({ err: new SyncError('overload', 'The database is away.', { cause: new TypeError('x is not y') }) }),
    )
    expect(line).toContain('The database is away.')
    expect(line).toContain('observability.test.ts')
  })
})

describe('metrics', () => {
  test('are rendered with their labels, and a gauge with a reader is read at that moment', async () => {
    const metrics = createMetrics()
    metrics.counter('rapport_limit_hits_total', 'Limits that were reached', ['limit']).inc({ limit: 'rate' })
    let sockets = 3
    metrics.gauge('rapport_sockets', 'Open sockets', [], (gauge) => gauge.set(sockets))
    metrics.histogram('rapport_commit_seconds', 'Time of a commit', [0.01, 0.1]).observe(0.05)
    sockets = 4
    const text = await metrics.render()
    expect(text).toContain('rapport_limit_hits_total{limit="rate"} 1')
    expect(text).toContain('rapport_sockets 4')
    expect(text).toContain('rapport_commit_seconds_bucket{le="0.1"} 1')
  })

  test('tell of the process how late its event loop is', async () => {
    const metrics = createMetrics()
    const stop = metrics.observeProcess()
    await new Promise((resolve) => setTimeout(resolve, 40))
    const busyUntil = performance.now() + 120
    while (performance.now() < busyUntil);
    await new Promise((resolve) => setTimeout(resolve, 40))
    const text = await metrics.render()
    stop()
    const worst = /rapport_event_loop_delay_seconds\{quantile="1"\} ([\d.e-]+)/.exec(text)?.[1]
    expect(Number(worst)).toBeGreaterThan(0.05)
    expect(text).toContain('process_resident_memory_bytes')
  })

  test('two sets do not know of each other', async () => {
    const [one, other] = [createMetrics(), createMetrics()]
    one.counter('rapport_limit_hits_total', 'Limits that were reached').inc()
    other.counter('rapport_limit_hits_total', 'Limits that were reached')
    expect(await other.render()).toContain('rapport_limit_hits_total 0')
  })
})
