/**
 * The composition root: builds every part of a server from a configuration, in order, and takes them down in reverse. What was
 * received is committed, then sockets are told to come back later, then the database is closed.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { type Clock, sleep } from '@rapport/shared/clock.ts'
import { SyncError } from '@rapport/shared/errors.ts'
import { recordTypeOf } from '@rapport/shared/records/record-types.ts'
import { openSigningKey } from './auth/signing-key.ts'
import { createVerifier } from './auth/tokens.ts'
import type { Config } from './config.ts'
import { type Database, openDatabase } from './db.ts'
import { type EngineNeeds, startEngine } from './engine.ts'
import { createGateway, type Gateway } from './gateway/upgrade.ts'
import { createHttpApp } from './http/app.ts'
import { createKeptAnswers } from './http/kept-answers.ts'
import { createAbsorber } from './inbound/absorber.ts'
import { installCapture } from './inbound/capture.ts'
import type { Lifecycle } from './lifecycle.ts'
import { createMoments } from './log/moments.ts'
import { createReviewStore } from './log/review-store.ts'
import { limitHits } from './observability/limits.ts'
import type { Logger } from './observability/logger.ts'
import { createMetrics } from './observability/metrics.ts'
import { createRowLists } from './projection/row-lists.ts'
import { createSamples } from './samples/create.ts'

/** Milliseconds for each step of a stop; together they stay below the 10 s in which a stop is promised. */
const DRAIN_MS = 3_000
const ANSWERS_MS = 2_000
/** For which connections in use are told that their next answer is the last; one at rest is then hardly closed under a request. */
const LAST_ANSWERS_MS = 200
const TRAFFIC_STOP_MS = 6_500
const ABSORBER_STOP_MS = 1_000
/** Between looks for connections that have had their last answer. */
const LOOK_EVERY_MS = 50
/** A database that takes longer to answer is not fit for traffic. */
const PROBE_MS = 2_000
/** How long a client may take to send the head of a request, and all of it. */
const HEADERS_TIMEOUT_MS = 15_000
const REQUEST_TIMEOUT_MS = 60_000

/**
 * Starts all parts under `lifecycle`, which stops them, and resolves with the port once traffic is served. `replaced`: what
 * a test or a bench puts in place of a part.
 */
export async function startApp(
  config: Config,
  clock: Clock,
  log: Logger,
  lifecycle: Lifecycle,
  replaced: Pick<EngineNeeds, 'createStore' | 'judge'> = {},
): Promise<number> {
  const metrics = createMetrics()
  await lifecycle.start('process metrics', metrics.observeProcess, (end) => end())
  const signingKey = await openSigningKey(config.dataDirectory)
  const verify = createVerifier(signingKey, config.audience, clock)

  const { database, updateLog, registry, projector, feed, plans } = await startEngine({
    config,
    clock,
    log,
    metrics,
    lifecycle,
    open: openDatabase,
    ...replaced,
  })
  if (config.samples && database.kind === 'embedded') {
    const created = await createSamples(registry, updateLog)
    if (created > 0) log.info({ created }, 'samples were created')
  }
  projector.start()
  await installCapture(database.sql, plans, clock)
  const absorber = await lifecycle.start(
    'absorber',
    () =>
      createAbsorber({
        ...{ sql: database.sql, kind: database.kind, registry, log: updateLog, plans, clock, logger: log, metrics },
        onReturned: projector.wake,
      }),
    (started) => started.stop(),
    ABSORBER_STOP_MS,
  )
  absorber.start()
  feed.start()

  let draining = false
  const ending = new AbortController()
  const probe = createProbe(database, clock)
  const gateway = createGateway({
    clock,
    log,
    metrics,
    limits: config.limits,
    registry,
    verify,
    isRecordType: (name) => recordTypeOf(name) !== undefined,
  })
  const limitHit = limitHits(metrics)
  const http = createHttpApp({
    registry,
    updateLog,
    clock,
    log,
    limitHit,
    limits: config.limits,
    answers: createKeptAnswers({ sql: database.sql, clock, log }),
    rows: createRowLists({
      sql: database.sql,
      plans,
      canGiveUp: database.kind === 'postgres',
      onGivenUp: () => limitHit('list_time'),
    }),
    review: createReviewStore(database.sql),
    moments: createMoments(database.sql),
    reached: projector.reached,
    metrics,
    verify,
    feed,
    ending: ending.signal,
    draining: () => draining,
    async unready() {
      if (draining) return 'draining'
      if (!updateLog.healthy()) return 'commits are failing'
      return (await probe()) ? undefined : 'the database does not answer'
    },
  })

  async function stopTraffic(server: Server): Promise<void> {
    draining = true
    ending.abort()
    gateway.refuse()
    // Still listening, so whoever comes meanwhile is told to come back, and not to use its connection again.
    await Promise.all([registry.drain(DRAIN_MS), sleep(clock, LAST_ANSWERS_MS)])
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    await Promise.all([gateway.close(), untilAnswered(server, closed)])
    server.closeAllConnections()
    await closed
  }

  /** What was committed is answered before its connection is closed. */
  async function untilAnswered(server: Server, closed: Promise<void>): Promise<void> {
    const until = clock.elapsed() + ANSWERS_MS
    let open = true
    void closed.then(() => {
      open = false
    })
    while (open && clock.elapsed() < until) {
      server.closeIdleConnections()
      await Promise.race([closed, sleep(clock, LOOK_EVERY_MS)])
    }
  }
  const server = await lifecycle.start('traffic', () => listen(config, http.fetch, gateway), stopTraffic, TRAFFIC_STOP_MS)
  return (server.address() as AddressInfo).port
}

type Fetch = Parameters<typeof getRequestListener>[0]

function listen({ host, port }: Config, fetch: Fetch, gateway: Gateway): Promise<Server> {
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // Some clients offer h2c with every request; that is to be ignored (RFC 9110, 7.8).
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    },
    // HTTP/1.0 knows no Host; any will do, since nothing here depends on it.
    getRequestListener(fetch, { overrideGlobalObjects: false, hostname: 'localhost' }),
  )
  server.on('upgrade', gateway.upgrade)
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => reject(new SyncError('configuration', whyNot(error), { cause: error }))
    server.once('error', fail)
    server.listen(port, host, () => {
      server.off('error', fail)
      resolve(server)
    })
  })
}

function whyNot({ code }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'Rapport cannot start: another program listens on HOST and PORT already.'
  return `Rapport cannot listen on HOST and PORT (${code ?? 'unknown'}).`
}

/** Whether the database answers in time. Callers share one question, so a hanging database is not asked again and again. */
function createProbe(database: Database, clock: Clock): () => Promise<boolean> {
  let asking: Promise<boolean> | undefined
  return () => {
    asking ??= database.sql`select 1`
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        asking = undefined
      })
    return Promise.race([asking, sleep(clock, PROBE_MS).then(() => false)])
  }
}
