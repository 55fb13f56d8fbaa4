/** A reader of server-sent events, as a CRM's backend has one: it keeps what it got, and where it is. */
import type { CloudEvent } from './feed-stage.ts'

export interface StreamReader {
  readonly status: number
  readonly events: readonly { readonly cursor: string; readonly event: CloudEvent }[]
  /** Everything that came, as it came. */
  text(): string
  /** Resolves when the server has ended it, or the connection was lost. */
  readonly ended: Promise<void>
  close(): void
}

/** `address` is `HOST:PORT`. */
export async function openStream(
  address: string,
  token: string,
  { query = '', lastEventId }: { readonly query?: string; readonly lastEventId?: string } = {},
): Promise<StreamReader> {
  const closing = new AbortController()
  const answer = await fetch(`http://${address}/v1/changes/stream${query}`, {
    headers: { Authorization: `Bearer ${token}`, ...(lastEventId !== undefined && { 'Last-Event-ID': lastEventId }) },
    signal: closing.signal,
  })
  const events: { cursor: string; event: CloudEvent }[] = []
  let text = ''
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of answer.body ?? []) {
      const piece = decoder.decode(chunk, { stream: true })
      text += piece
      const blocks = (rest + piece).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const [, cursor, json] = /^id: (\d+)\nevent: change\ndata: (.*)$/.exec(block) ?? []
        if (cursor !== undefined && json !== undefined) events.push({ cursor, event: JSON.parse(json) as CloudEvent })
      }
    }
  }
  return {
    status: answer.status,
    events,
    text: () => text,
    ended: read().catch(() => undefined),
    close: () => closing.abort(),
  }
}
