/** A rep's device: a stock y-websocket client on one record, which syncs through the server or not at all. */
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

export interface StockClient {
  readonly doc: Y.Doc
  readonly provider: WebsocketProvider
  /** Sockets opened so far. */
  connections(): number
  /** Resolves when the server's state has arrived. */
  synced(): Promise<void>
  /** The code with which the server ended it for good: the client does not come back by itself. */
  readonly stopped: Promise<number>
  destroy(): void
}

export interface StockOptions {
  readonly token: string
  readonly params?: Record<string, string>
  readonly doc?: Y.Doc
  readonly connect?: boolean
  /** Sends the token as a subprotocol instead of in the URL. */
  readonly inProtocol?: boolean
}

/** `address` is `HOST:PORT`. */
export function openStock(address: string, type: string, id: string, options: StockOptions): StockClient {
  const doc = options.doc ?? new Y.Doc()
  let opened = 0
  class CountingSocket extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols)
      opened++
    }
  }
  const provider = new WebsocketProvider(`ws://${address}/sync/${type}`, id, doc, {
    params: { ...options.params, ...(options.inProtocol === true ? {} : { token: options.token }) },
    protocols: options.inProtocol === true ? ['rapport.token', options.token] : [],
    connect: options.connect ?? true,
    WebSocketPolyfill: CountingSocket as unknown as typeof globalThis.WebSocket,
    disableBc: true,
  })
  return {
    doc,
    provider,
    connections: () => opened,
    synced: () =>
      new Promise((resolve) => {
        if (provider.synced) resolve()
        else provider.once('sync', () => resolve())
      }),
    stopped: new Promise((resolve) => provider.once('closed', ({ code }) => resolve(code))),
    destroy() {
      provider.destroy()
      doc.destroy()
    },
  }
}

/** Resolves once `holds` does; asks again after every update of the documents and every 20 ms. Rejects after `milliseconds`. */
export function until(holds: () => boolean | Promise<boolean>, what: string, milliseconds = 10_000): Promise<void> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const look = async (): Promise<void> => {
      try {
        if (await holds()) resolve()
        else if (performance.now() - started > milliseconds) reject(new Error(`not within ${milliseconds} ms: ${what}`))
        else setTimeout(look, 20)
      } catch (error) {
        reject(error as Error)
      }
    }
    void look()
  })
}
