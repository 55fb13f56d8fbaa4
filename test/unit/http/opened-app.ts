/** The HTTP app over rooms that are not real, for states and failures that are hard to bring about. */
import { type Clock, systemClock } from '@rapport/shared/clock.ts'
import { writeMeta } from '@rapport/shared/schema/layout.ts'
import type { Policy } from '../../../server/access/policy.ts'
import type { Principal } from '../../../server/auth/principal.ts'
import { createHttpApp, type HttpNeeds } from '../../../server/http/app.ts'
import type { Position } from '../../../server/log/entry.ts'
import { createLogger } from '../../../server/observability/logger.ts'
import { createMetrics } from '../../../server/observability/metrics.ts'
import { createFakeRegistry } from '../../support/fake-room.ts'
import { createMemoryKeptAnswers } from '../../support/memory-kept-answers.ts'
import { createMemoryLogStore } from '../../support/memory-log-store.ts'

export interface AppOptions {
  readonly unready?: string
  readonly clock?: Clock
  readonly limits?: Partial<HttpNeeds['limits']>
  readonly reached?: HttpNeeds['reached']
  /** By id, of records whose log is ahead of their room. */
  readonly heads?: Readonly<Record<string, Position>>
  readonly draining?: HttpNeeds['draining']
  readonly policy?: Policy
  readonly review?: Partial<HttpNeeds['review']>
  readonly updateLog?: Partial<HttpNeeds['updateLog']>
  readonly feed?: Partial<HttpNeeds['feed']>
  readonly rows?: HttpNeeds['rows']
  readonly answers?: HttpNeeds['answers']
}

const NOTHING_FOUND: HttpNeeds['review'] = {
  history: async () => [],
  conflicts: async () => [],
  conflict: async () => undefined,
  dismiss: async () => false,
  heldBack: async () => [],
  markRestored: async () => undefined,
  restoredUntil: async () => null,
}

const NO_EVENTS: HttpNeeds['feed'] = {
  reader: { page: async (_tenant, after) => ({ events: [], next: after }), head: async () => 0, oldest: async () => 0 },
  news: { follow: () => ({ moved: async () => undefined, end: () => undefined }) },
}

export const principal = (roles: string[]): Principal =>
  ({ tenant: 'demo', sub: 'ann', roles, teams: [], expiresAt: 1e12 }) as unknown as Principal

/** A token is the name of its role, or `nobody`. */
export function openApp(options: AppOptions = {}) {
  const { unready, clock = systemClock, limits, reached = async () => true, heads = {}, draining = () => false, policy } = options
  const { review, updateLog, feed, rows = () => undefined, answers = createMemoryKeptAnswers(clock) } = options
  const registry = createFakeRegistry()
  const logged: string[] = []
  const limitsHit: string[] = []
  const app = createHttpApp({
    registry,
    updateLog: {
      ...createMemoryLogStore(),
      ...updateLog,
      heads: async (keys) => keys.map(({ id }) => heads[id]),
      page: async (_tenant, _type, after, limit) =>
        [...registry.rooms.keys()]
          .sort()
          .filter((id) => id > after)
          .slice(0, limit) as never,
    },
    review: { ...NOTHING_FOUND, ...review },
    moments: { sequenceAt: async () => 0 },
    rows,
    answers,
    clock,
    log: createLogger('trace', (line) => logged.push(line)),
    limitHit: (limit) => limitsHit.push(limit),
    limits: { frameBytes: 1_000_000, updatesPerSecond: 0, bytesPerSecond: 0, ...limits },
    reached,
    metrics: createMetrics(),
    verify: async (token) => ({ type: 'verified', principal: principal(token === 'nobody' ? [] : [token]) }),
    unready: async () => unready,
    draining,
    feed: { ...NO_EVENTS, ...feed },
    ending: new AbortController().signal,
    policy,
  })
  const request = (method: string, path: string, init: RequestInit & { duplex?: 'half' } = {}, token = 'rep') =>
    app.request(path, { method, ...init, headers: { Authorization: `Bearer ${token}`, ...init.headers } })
  return {
    registry,
    logged,
    limitsHit,
    app,
    request,
    get: (path: string, token = 'rep') => request('GET', path, {}, token),
    send: (method: string, path: string, body?: unknown, headers: Record<string, string> = {}, token = 'rep') =>
      request(method, path, { headers, ...(body !== undefined && { body: JSON.stringify(body) }) }, token),
    /** Writes a record as the server itself would. */
    async put(id: string, deletedAt?: number, summary = '') {
      const room = await registry.acquire({ tenant: 'demo', type: 'contact', id } as never)
      await room.edit(principal(['admin']), (document) => {
        document.getMap('fields').set('lastName', id)
        document.getText('summary').insert(0, summary)
        if (deletedAt !== undefined) writeMeta(document, { deletedAt })
      })
      registry.release(room)
    },
  }
}
