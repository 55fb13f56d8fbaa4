/**
 * One server process of the simulation: the real log, registry, rooms and judge, on a store that may fail and a clock that the
 * world owns. Killed, it says nothing more.
 */
import { requireType } from '@rapport/shared/records/record-types.ts'
import { createRegistry, type Registry } from '../../server/document/registry.ts'
import type { Hint, Hints } from '../../server/fanout/hints.ts'
import type { LogStore } from '../../server/log/log-store.ts'
import { createUpdateLog, type UpdateLog } from '../../server/log/update-log.ts'
import { createLogger } from '../../server/observability/logger.ts'
import { createMetrics } from '../../server/observability/metrics.ts'
import { classifySimulated, type Faults, faultyStore, type Witness } from './faulty-store.ts'
import type { World } from './world.ts'

export interface Instance {
  readonly registry: Registry
  readonly log: UpdateLog
  readonly dead: boolean
  kill(): void
}

export interface Bus {
  /** Hands a hint to the other instances, in its own time, or not at all. */
  publish(from: object, hint: Hint): void
  readonly ears: Map<object, (hint: Hint) => void>
}

export function createBus(world: World, loss: number): Bus {
  const ears = new Map<object, (hint: Hint) => void>()
  return {
    ears,
    publish(from, hint) {
      for (const [name, hear] of ears) {
        if (name === from || world.random.chance(loss)) continue
        const copies = world.random.chance(loss) ? 2 : 1
        for (let copy = 0; copy < copies; copy += 1) world.offer(() => ears.get(name) === hear && hear(hint))
      }
    },
  }
}

export function startInstance(world: World, store: LogStore, faults: Faults, bus: Bus, witness: Witness): Instance {
  const name = {}
  let dead = false
  const clock = world.clock(() => dead)
  const logger = createLogger('silent')
  const metrics = createMetrics()
  const hints: Hints = {
    publish: (hint) => bus.publish(name, hint),
    subscribe(hear) {
      bus.ears.set(name, hear)
      return () => bus.ears.delete(name)
    },
  }
  const log = createUpdateLog({
    store: faultyStore(world, store, faults, () => dead, witness),
    classify: classifySimulated,
    clock,
    log: logger,
    metrics,
    gather: world.random.pick([0, 3]),
  })
  const registry = createRegistry({
    log,
    hints,
    clock,
    logger,
    metrics,
    newEntryId: () => `entry-${world.random.uint32()}-${world.random.uint32()}`,
    typeOf: requireType,
    maxRecordBytes: 16 * 1024 * 1024,
    idleBytes: 0,
  })
  return {
    registry,
    log,
    get dead() {
      return dead
    },
    kill() {
      dead = true
      bus.ears.delete(name)
    },
  }
}
