import { systemClock } from '@rapport/shared/clock.ts'
import { describe, expect, test } from 'vitest'
import { createLifecycle } from '../../server/lifecycle.ts'
import { createLogger } from '../../server/observability/logger.ts'

const log = createLogger('silent')

describe('the lifecycle', () => {
  test('stops in the reverse order of the start, each part once', async () => {
    const lifecycle = createLifecycle(systemClock, log)
    const seen: string[] = []
    for (const name of ['database', 'log', 'gateway']) {
      await lifecycle.start(
        name,
        () => seen.push(`+${name}`),
        () => {
          seen.push(`-${name}`)
        },
      )
    }
    await Promise.all([lifecycle.stop(), lifecycle.stop()])
    expect(seen).toEqual(['+database', '+log', '+gateway', '-gateway', '-log', '-database'])
  })

  test('a failed start stops what was started before, and the failure goes on', async () => {
    const lifecycle = createLifecycle(systemClock, log)
    const seen: string[] = []
    await lifecycle.start(
      'one',
      () => 1,
      (part) => void seen.push(`-${part}`),
    )
    const failing = lifecycle.start(
      'two',
      () => Promise.reject(new Error('no')),
      () => void seen.push('never'),
    )
    await expect(failing).rejects.toThrow('no')
    expect(seen).toEqual(['-1'])
  })

  test('a part that hangs or fails to stop does not keep the others from stopping', async () => {
    const lifecycle = createLifecycle({ ...systemClock, after: (_milliseconds, run) => systemClock.after(1, run) }, log)
    const seen: string[] = []
    await lifecycle.start(
      'one',
      () => 1,
      () => void seen.push('one'),
    )
    await lifecycle.start(
      'hangs',
      () => 2,
      () => new Promise<void>(() => undefined),
    )
    await lifecycle.start(
      'fails',
      () => 3,
      () => Promise.reject(new Error('no')),
    )
    await lifecycle.stop()
    expect(seen).toEqual(['one'])
  })

  test('a part whose start ends after the stop began is stopped as well', async () => {
    const lifecycle = createLifecycle(systemClock, log)
    const seen: string[] = []
    let finish: (value: number) => void = () => undefined
    const late = lifecycle.start(
      'late',
      () => new Promise<number>((resolve) => (finish = resolve)),
      () => void seen.push('late'),
    )
    await lifecycle.stop()
    finish(1)
    await late
    expect(seen).toEqual(['late'])
  })
})
