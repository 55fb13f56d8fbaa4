/**
 * From an HTTP upgrade to a session: which record, who asks, and may they open it. Answers in HTTP what a stock client may see as
 * HTTP (401, 404, 410, 503); what it must see as final is upgraded first and then closed with its code, because a browser hides the
 * status of a failed upgrade.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '@rapport/shared/clock.ts'
import { SyncError, toSyncError } from '@rapport/shared/errors.ts'
import { parseRecordId, type RecordKey } from '@rapport/shared/ids.ts'
import { CLOSE_CODES, closeReasonOf } from '@rapport/shared/protocol/close-codes.ts'
import { WebSocketServer } from 'ws'
import { mayOpen } from '../access/policy.ts'
import type { Principal } from '../auth/principal.ts'
import type { Verifier } from '../auth/tokens.ts'
import type { Limits } from '../config.ts'
import type { Room } from '../document/handle.ts'
import type { Registry } from '../document/registry.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import { createKeepalive } from './keepalive.ts'
import { createSendTurn } from './send-queue.ts'
import { createMeter, type Services } from './services.ts'
import { openSession, type Session } from './session.ts'
import { GatewaySocket } from './socket.ts'

const TOKEN_PROTOCOL = 'rapport.token'
/** A peer that does not answer our close is cut off after this long. */
const CLOSE_TIMEOUT_MS = 3_000

export interface GatewayNeeds {
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly limits: Limits
  readonly registry: Registry
  readonly verify: Verifier
  readonly isRecordType: (name: string) => boolean
}

export interface Gateway {
  /** The listener for a server's `upgrade` event. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** From now on upgrades are answered with 503. */
  refuse(): void
  /** Closes what is still open with 1012 and resolves once all sockets are gone. */
  close(): Promise<void>
}

interface Knock {
  readonly request: IncomingMessage
  readonly socket: Socket
  readonly head: Buffer
}

export function createGateway(needs: GatewayNeeds): Gateway {
  const { clock, log, metrics, limits, registry, verify, isRecordType } = needs
  const sessions = new Set<Session>()
  const turn = createSendTurn(clock)
  const keepalive = createKeepalive(clock)
  const options = {
    noServer: true,
    WebSocket: GatewaySocket,
    // Pongs go through the send queue like everything else: the library's own could land inside a frame of ours.
    autoPong: false,
    clientTracking: true,
    perMessageDeflate: false,
    maxPayload: limits.frameBytes,
    handleProtocols: (offered: Set<string>) => offered.has(TOKEN_PROTOCOL) && TOKEN_PROTOCOL,
    closeTimeout: CLOSE_TIMEOUT_MS,
  }
  const webSockets = new WebSocketServer(options)
  const meter = createMeter(metrics, turn, () => webSockets.clients.size)
  const services: Services = { clock, log, limits, keepalive, turn, meter }
  let refusing = false

  async function admit(knock: Knock): Promise<void> {
    const { request, socket } = knock
    const target = parseTarget(request.url ?? '')
    if (target === undefined) return answer(socket, 404)
    const token = target.query.get('token') || tokenFromProtocols(request.headers['sec-websocket-protocol'])
    if (token === undefined) return answer(socket, 401)
    const verdict = await verify(token)
    if (verdict.type === 'unverifiable') return answer(socket, 401)
    if (!isRecordType(target.type)) return answer(socket, 404)
    if (refusing) return answer(socket, 503)
    if (verdict.type === 'expired') return turnAway(knock, new SyncError('unauthenticated', 'the token has expired'))
    const { principal } = verdict
    if (!mayOpen(principal, target.type)) return turnAway(knock, new SyncError('forbidden', 'no right to open such a record'))
    const key: RecordKey = { tenant: principal.tenant, type: target.type, id: target.id }
    const echo = target.query.get('ack') === 'echo'
    try {
      const room = await registry.acquire(key)
      enter(knock, room, principal, echo)
    } catch (thrown) {
      const error = toSyncError(thrown)
      if (error.code === 'gone') answer(socket, 410)
      else turnAway(knock, error)
    }
  }

  function enter({ request, socket, head }: Knock, room: Room, principal: Principal, echo: boolean): void {
    let entered = false
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      entered = true
      const session = openSession({
        ...services,
        room,
        principal,
        echo,
        webSocket,
        tcp: socket,
        onEnd: (ended) => {
          sessions.delete(ended)
          registry.release(room)
        },
      })
      sessions.add(session)
    })
    // The client went away meanwhile, or its handshake is no WebSocket's.
    if (!entered) registry.release(room)
  }

  function turnAway({ request, socket, head }: Knock, error: SyncError): void {
    log[error.level]({ err: error }, 'socket turned away')
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', (failure) => log.debug({ err: failure }, 'socket failed'))
      const reason = closeReasonOf(error.code)
      webSocket.close(CLOSE_CODES[reason].code, reason)
    })
  }

  return {
    upgrade(request, socket, head) {
      socket.on('error', (error) => log.debug({ err: error }, 'connection failed'))
      // Of an HTTP server it is always a net.Socket (or a TLS one, which extends it).
      admit({ request, socket: socket as Socket, head }).catch((error: unknown) => {
        log.error({ err: error }, 'an upgrade failed')
        socket.destroy()
      })
    },
    refuse() {
      refusing = true
    },
    async close() {
      refusing = true
      for (const session of [...sessions]) session.end(new SyncError('draining', 'the server is going away'))
      keepalive.stop()
      await new Promise((resolve) => webSockets.close(resolve))
    },
  }
}

/** `/sync/TYPE/ID?…`, each part decoded once. */
function parseTarget(url: string): { type: string; id: RecordKey['id']; query: URLSearchParams } | undefined {
  const [path = '', ...rest] = url.split('?')
  const [root, sync, type, id, ...more] = path.split('/')
  if (root !== '' || sync !== 'sync' || type === undefined || id === undefined || more.length > 0) return undefined
  try {
    const recordId = parseRecordId(decodeURIComponent(id))
    if (recordId === undefined) return undefined
    return { type: decodeURIComponent(type), id: recordId, query: new URLSearchParams(rest.join('?')) }
  } catch {
    return undefined // not percent-encoded text
  }
}

/** The subprotocol that follows `rapport.token`: browsers can set no other header on a WebSocket. */
function tokenFromProtocols(header: string | undefined): string | undefined {
  const offered = header?.split(',').map((protocol) => protocol.trim()) ?? []
  const at = offered.indexOf(TOKEN_PROTOCOL)
  return at < 0 ? undefined : offered[at + 1]
}

const ANSWERS = {
  401: { title: 'Unauthorized', code: 'unauthenticated', header: 'WWW-Authenticate: Bearer\r\n' },
  404: { title: 'Not Found', code: 'not_found', header: '' },
  410: { title: 'Gone', code: 'gone', header: '' },
  503: { title: 'Service Unavailable', code: 'unavailable', header: 'Retry-After: 1\r\n' },
} as const

function answer(socket: Socket, status: keyof typeof ANSWERS): void {
  const { title, code, header } = ANSWERS[status]
  const body = JSON.stringify({ type: 'about:blank', title, status, code })
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\n${header}Connection: close\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => socket.destroySoon(),
  )
}
