/**
 * The WebSocket end that `ws` gives us, with the two changes this gateway needs: it closes with this protocol's codes where the
 * library would use its own, and lets queued frames go first, so that a close never lands inside one.
 */
import { CLOSE_CODES } from '@rapport/shared/protocol/close-codes.ts'
import { WebSocket } from 'ws'

/** RFC 6455, 7.4.1: message too big. */
const TOO_BIG = 1009

export class GatewaySocket extends WebSocket {
  /** Called once, before the close frame is written. */
  beforeClose: (() => void) | undefined

  /**
   * The library closes without a reason text when what it reads breaks a rule, and with one, or without a code, when it
   * answers the peer's close.
   */
  override close(code?: number, reason?: string | Buffer): void {
    this.beforeClose?.()
    this.beforeClose = undefined
    if (code === undefined || reason !== undefined) super.close(code, reason)
    else if (code === TOO_BIG) super.close(CLOSE_CODES.tooLarge.code, 'tooLarge')
    else super.close(CLOSE_CODES.malformed.code, 'malformed')
  }
}
