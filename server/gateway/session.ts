/**
 * One client on one record: every frame it sends becomes a message here, and every message goes to the room. First file of the
 * reading path; `document/room.ts` is the next.
 *
 * Guarantees: a message is handed on in the order of arrival and never dropped; nothing is read before the room has
 * answered, and our step 1 precedes all content; whatever ends the session ends it once, with the code that tells the client whether
 * to come back.
 */
import type { Socket } from 'node:net'
import type { Timer } from '@rapport/shared/clock.ts'
import { SyncError, toSyncError } from '@rapport/shared/errors.ts'
import { CLOSE_CODES, closeReasonOf } from '@rapport/shared/protocol/close-codes.ts'
import { decodeMessage, encodeStep1, type Message } from '@rapport/shared/protocol/y-websocket.ts'
import type { RawData } from 'ws'
import type { Principal } from '../auth/principal.ts'
import type { Room } from '../document/handle.ts'
import type { Subscriber } from '../document/subscriber.ts'
import { createOutlet } from './back-pressure.ts'
import { frameMessage, framePong } from './frame.ts'
import type { Pulse } from './keepalive.ts'
import { createInflow } from './rate.ts'
import { createSendQueue } from './send-queue.ts'
import type { Services } from './services.ts'
import type { GatewaySocket } from './socket.ts'

/** Milliseconds after which a client that has said nothing counts as one that only listens. A stock client asks at once. */
const LISTENER_MS = 2_000

export interface SessionNeeds extends Services {
  readonly room: Room
  readonly principal: Principal
  /** Wants its own updates back as acknowledgement (`?ack=echo`). */
  readonly echo: boolean
  readonly webSocket: GatewaySocket
  /** The TCP socket beneath it, to which finished frames are written. */
  readonly tcp: Socket
  /** Called once, when the session needs its room no more. */
  readonly onEnd: (session: Session) => void
}

export interface Session {
  end(reason: SyncError): void
  /** Ends the connection without goodbye. */
  cut(): void
}

export function openSession(needs: SessionNeeds): Session {
  const { room, principal, echo, webSocket, tcp, clock, limits, keepalive, log, meter, turn, onEnd } = needs
  let over = false
  /** What the client had when it last asked; it answers our own first question before it takes in anything else, so that holds then, too. */
  let holds: Uint8Array | undefined
  /** Our first question. At a later one the client has heard more than it has said. */
  let answered = false

  const queue = createSendQueue(tcp, turn, clock, () => outlet.taken())
  const outlet = createOutlet({
    clock,
    room,
    queue,
    limit: limits.socketBufferBytes,
    greet: () => room.presence.greet(subscriber),
    onLag: () => meter.limitHit('socket_buffer'),
    fail: end,
  })
  const inflow = createInflow({
    clock,
    messagesPerSecond: limits.updatesPerSecond,
    bytesPerSecond: limits.bytesPerSecond,
    socket: webSocket,
    onLimit: (hold) => meter.limitHit(hold),
  })
  const subscriber: Subscriber = {
    principal,
    echo,
    update: outlet.entry,
    repeat: outlet.repeat,
    ask: outlet.ask,
    settled: inflow.settled,
    presence: outlet.presence,
    end,
  }
  const pulse: Pulse = {
    bytesRead: () => tcp.bytesRead,
    unread: inflow.held,
    lagging: outlet.lagging,
    queue,
    dead: cut,
    stuck: () => end(new SyncError('overload', 'the reader takes nothing')),
  }
  const session: Session = { end, cut }

  function open(): void {
    webSocket.beforeClose = queue.finish
    webSocket.on('message', onMessage)
    webSocket.on('ping', (payload) => {
      onControl(payload)
      if (!outlet.lagging()) queue.pushControl(framePong(payload))
    })
    webSocket.on('pong', onControl)
    // The library has closed with the right code by then; without a listener the process would end.
    webSocket.on('error', (error) => {
      if ('code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') meter.limitHit('frame')
      log.debug({ err: error }, 'socket failed')
      leave()
    })
    webSocket.on('close', () => {
      leave()
      queue.discard()
    })
    keepalive.add(pulse)
    inflow.hold('loading')
    room.join(subscriber, (vector) => {
      if (vector.type === 'answer') enter(vector.value)
      else end(vector.error)
    })
  }

  function enter(stateVector: Uint8Array): void {
    // The client went away while it waited for the room.
    if (over) {
      room.leave(subscriber)
      return
    }
    queue.push(frameMessage(encodeStep1(stateVector)))
    outlet.opened(stateVector)
    listening = clock.after(LISTENER_MS, outlet.spoken)
    outlet.greet()
    inflow.release('loading')
    expire()
  }

  function onMessage(data: RawData, isBinary: boolean): void {
    if (over) return
    try {
      if (!isBinary || !(data instanceof Uint8Array)) throw new SyncError('malformed', 'a text message')
      inflow.received(data.length)
      handle(decodeMessage(data))
    } catch (thrown) {
      end(toSyncError(thrown))
    }
  }

  /** Pings and pongs cost as much to read as messages do. */
  function onControl(payload: Buffer): void {
    if (!over) inflow.received(payload.length)
  }

  function handle(message: Message): void {
    switch (message.type) {
      case 'step1':
        holds = message.stateVector.slice()
        outlet.answer(holds)
        break
      case 'step2':
        // What it has taken in since its own question nobody knows.
        submit(message.update, answered ? 'unknown' : (holds ?? 'unknown'))
        answered = true
        break
      case 'update':
        submit(message.update)
        break
      case 'awareness':
        room.presence.receive(subscriber, message.payload)
        break
      case 'queryAwareness':
        outlet.greet()
        break
      case 'auth':
        break
      default:
        message satisfies never
    }
  }

  /** A copy: the message is a view of the socket's read buffer, of which a waiting update would keep all 64 KB alive. */
  function submit(update: Uint8Array, vector?: Uint8Array | 'unknown'): void {
    outlet.spoken()
    inflow.submitted(update.length)
    room.submit(subscriber, update.slice(), vector)
  }

  /** A token lasts as long as it says. In steps, because one timer cannot be set further ahead than 24 days. */
  function expire(): void {
    if (over || principal.expiresAt === Number.POSITIVE_INFINITY) return
    const left = principal.expiresAt * 1000 - clock.now()
    if (left <= 0) end(new SyncError('unauthenticated', 'the token has expired'))
    else expiry = clock.after(Math.min(left, 86_400_000), expire)
  }

  function end(reason: SyncError): void {
    if (over) return
    leave()
    const closing = closeReasonOf(reason.code)
    log[reason.level]({ err: reason, type: room.key.type, code: CLOSE_CODES[closing].code }, 'socket closed')
    webSocket.close(CLOSE_CODES[closing].code, closing)
  }

  function cut(): void {
    leave()
    webSocket.terminate()
  }

  function leave(): void {
    if (over) return
    over = true
    outlet.stop()
    expiry?.cancel()
    listening?.cancel()
    keepalive.remove(pulse)
    room.presence.leave(subscriber)
    room.leave(subscriber)
    onEnd(session)
  }

  let expiry: Timer | undefined
  let listening: Timer | undefined
  open()
  return session
}
