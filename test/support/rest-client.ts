/** A CRM's backend: asks over HTTP with one token, and keeps the whole answer. */
export interface RestAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Parsed; `undefined` for an empty body. */
  readonly body: unknown
}

type HeaderFields = Readonly<Record<string, string>>

export interface RestClient {
  get(path: string, headers?: HeaderFields): Promise<RestAnswer>
  /** A body that is a string is sent as it is. */
  post(path: string, body?: unknown, headers?: HeaderFields): Promise<RestAnswer>
  patch(path: string, body?: unknown, headers?: HeaderFields): Promise<RestAnswer>
  delete(path: string, headers?: HeaderFields): Promise<RestAnswer>
}

/** What a record looks like, as far as tests look. */
export interface RestRecord {
  readonly type: string
  readonly id: string
  readonly sequence: number
  readonly createdBy: string
  readonly deletedAt: string | null
  readonly content: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** `address` is `HOST:PORT`; without a token none is sent. */
export function restClient(address: string, token?: string): RestClient {
  const request = async (method: string, path: string, body?: unknown, headers: HeaderFields = {}): Promise<RestAnswer> => {
    const answer = await fetch(`http://${address}${path}`, {
      method,
      headers: { ...(token !== undefined && { Authorization: `Bearer ${token}` }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, text, body: text === '' ? undefined : JSON.parse(text) }
  }
  return {
    get: (path, headers) => request('GET', path, undefined, headers),
    post: (path, body, headers) => request('POST', path, body, headers),
    patch: (path, body, headers) => request('PATCH', path, body, headers),
    delete: (path, headers) => request('DELETE', path, undefined, headers),
  }
}

/** The record of an answer; throws with the whole answer if it is none. */
export function recordIn({ status, text, body }: RestAnswer): RestRecord {
  if (status !== 200 && status !== 201) throw new Error(`${status} ${text}`)
  return body as RestRecord
}
