/** The HTTP side of the server as one Hono app: operations, then REST behind authentication, and problem details for the rest. */
import { SyncError } from '@rapport/shared/errors.ts'
import { Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import { secureHeaders } from 'hono/secure-headers'
import type { Verifier } from '../auth/tokens.ts'
import type { ReviewStore } from '../log/review-store.ts'
import type { Metrics } from '../observability/metrics.ts'
import { boundAnswers } from './answers.ts'
import { type ChangesNeeds, createChanges } from './changes.ts'
import { createDocs } from './openapi/docs.ts'
import { problem } from './problem.ts'
import { createQuarantine, type QuarantineNeeds } from './quarantine.ts'
import type { Authenticated } from './record-target.ts'
import { createRecords, type RecordsNeeds } from './records.ts'
import { createWriteRequests } from './write-request.ts'

export interface HttpNeeds extends RecordsNeeds, QuarantineNeeds, ChangesNeeds {
  readonly updateLog: RecordsNeeds['updateLog'] & QuarantineNeeds['updateLog']
  readonly review: ReviewStore
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>
  readonly verify: Verifier
  /** Why the server should get no traffic, `undefined` if it should. */
  readonly unready: () => Promise<string | undefined>
  /** Whether the server is about to end: what is under way is finished, and nothing new is begun. */
  readonly draining: () => boolean
}

export function createHttpApp(needs: HttpNeeds): Hono<Authenticated> {
  const { metrics, verify, unready, draining, log } = needs
  const app = new Hono<Authenticated>()
  app.onError((error, context) => problem(context, error, log))
  app.notFound((context) => problem(context, new SyncError('not_found', 'no such resource'), log))
  app.use(secureHeaders(), closeWhile(draining))

  app.get('/healthz', (context) => context.json({ status: 'ok' }))
  app.get('/readyz', async (context) => {
    const reason = await unready()
    if (reason === undefined) return context.json({ status: 'ready' })
    return context.json({ status: 'unavailable', reason }, 503, { 'Retry-After': '1' })
  })
  app.get('/metrics', async (context) => context.text(await metrics.render(), 200, { 'Content-Type': metrics.contentType }))

  app.route('/', createDocs(needs.rows))

  app.use('/v1/*', refuseWhile(draining), authenticate(verify), boundAnswers(needs))
  const requests = createWriteRequests(needs)
  app.route('/v1/records', createRecords(needs, requests))
  app.route('/v1/quarantine', createQuarantine(needs, requests))
  app.route('/v1/changes', createChanges(needs))
  return app
}

/** Each answer is its connection's last. */
function closeWhile(draining: () => boolean) {
  return createMiddleware(async (context, next) => {
    await next()
    if (draining()) context.header('Connection', 'close')
  })
}

function refuseWhile(draining: () => boolean) {
  return createMiddleware(async (_context, next) => {
    if (draining()) throw new SyncError('draining', 'the server is going away')
    await next()
  })
}

/** Bearer tokens in the header alone (RFC 6750, 2.1). Answers are private: they depend on who asks. */
function authenticate(verify: Verifier) {
  return createMiddleware<Authenticated>(async (context, next) => {
    const [, token] = /^Bearer +([^ ]+) *$/i.exec(context.req.header('Authorization') ?? '') ?? []
    const verdict = token === undefined ? undefined : await verify(token)
    if (verdict?.type === 'expired') throw new SyncError('unauthenticated', 'the token has expired')
    if (verdict?.type !== 'verified') throw new SyncError('unauthenticated', 'a valid bearer token is needed')
    context.set('principal', verdict.principal)
    await next()
    context.header('Cache-Control', 'private, no-cache')
  })
}
