/** Writing over HTTP: what the app makes of states and failures that are hard to bring about. */
import { SyncError } from '@rapport/shared/errors.ts'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { createFakeClock } from '../gateway/fake-clock.ts'
import { openApp } from './opened-app.ts'

/** Of pino. */
const LEVEL_ERROR = 50

const settled = () => new Promise((resolve) => setImmediate(resolve))

interface Problem {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly errors?: unknown
}

const problemOf = async (answer: Response) => (await answer.json()) as Problem

/** A stream of so many bytes, in pieces. */
function chunks(bytes: number, piece = 1_000): ReadableStream<Uint8Array> {
  let left = bytes
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close()
      controller.enqueue(new Uint8Array(Math.min(piece, left)).fill(0x20))
      left -= piece
    },
  })
}

describe('every path lets go of its record', () => {
  test('made, refused, failed', async () => {
    const { send, put, registry } = openApp()
    await put('a')
    await put('gone', 5)
    const path = '/v1/records/contact'
    const statuses: Record<string, number> = {}
    const note = async (name: string, answer: Response | Promise<Response>) => {
      statuses[name] = (await answer).status
      expect([name, registry.acquired]).toEqual([name, 0])
    }
    await note('created', send('POST', path, { id: 'b', content: {} }))
    await note('exists', send('POST', path, { id: 'a', content: {} }))
    await note('patched', send('PATCH', `${path}/a`, { fields: { title: 'Dr' } }))
    await note('invalid', send('PATCH', `${path}/a`, { fields: { title: 1 } }))
    await note('stale', send('PATCH', `${path}/a`, {}, { 'If-Match': '"99"' }))
    await note('gone', send('PATCH', `${path}/gone`, {}))
    await note('missing', send('PATCH', `${path}/none`, {}))
    await note('deleted', send('DELETE', `${path}/a`))
    await note('restored', send('POST', `${path}/a/restore`))
    const room = registry.rooms.get('a')
    if (room !== undefined) room.edit = () => Promise.reject(new SyncError('overload', 'busy'))
    await note('busy', send('PATCH', `${path}/a`, {}))
    registry.fail = new SyncError('draining', 'going away')
    await note('draining', send('PATCH', `${path}/a`, {}))
    expect(statuses).toEqual({
      created: 201,
      exists: 409,
      patched: 200,
      invalid: 422,
      stale: 412,
      gone: 410,
      missing: 404,
      deleted: 204,
      restored: 200,
      busy: 503,
      draining: 503,
    })
  })

  test('a commit that is stuck is waited for ten seconds; the edit may still be made, and counts as under way until then', async () => {
    const clock = createFakeClock()
    const { send, put, registry } = openApp({ clock, limits: { frameBytes: 30 } })
    await put('a')
    const room = registry.rooms.get('a')
    if (room === undefined) throw new Error('no room')
    const commits: (() => void)[] = []
    const edit = room.edit
    room.edit = async (...given) => {
      await new Promise<void>((resolve) => commits.push(resolve))
      return edit(...given)
    }
    const body = { fields: { title: 'Dr' } }
    const headers = { 'Content-Length': '25' }
    const answers = Array.from({ length: 4 }, () => send('PATCH', '/v1/records/contact/a', body, headers))
    await settled()
    clock.pass(9_999)
    await settled()
    expect(registry.acquired).toBe(4)
    clock.pass(1)
    const [first] = await Promise.all(answers)
    expect([first?.status, registry.acquired]).toEqual([503, 0])
    expect((await first?.json()) as Problem).toMatchObject({ code: 'unavailable', detail: expect.stringContaining('not known') })
    const crowded = await send('PATCH', '/v1/records/contact/a', body, headers)
    expect([crowded.status, crowded.headers.get('retry-after')]).toEqual([429, '1'])
    for (const commit of commits.splice(0)) commit()
    await settled()
    await settled()
    const later = send('PATCH', '/v1/records/contact/a', body, headers)
    await settled()
    commits[0]?.()
    expect((await later).status).toBe(200)
  })
})

describe('P10: bodies', () => {
  test('a body over the limit is not read to its end, announced or not', async () => {
    const { request, put, limitsHit, registry } = openApp({ limits: { frameBytes: 5_000 } })
    await put('a')
    const announced = await request('PATCH', '/v1/records/contact/a', { body: '{}', headers: { 'Content-Length': '5001' } })
    let pulled = 0
    const body = chunks(100_000).pipeThrough(
      new TransformStream({
        transform(chunk: Uint8Array, controller) {
          pulled += chunk.length
          controller.enqueue(chunk)
        },
      }),
    )
    const chunked = await request('PATCH', '/v1/records/contact/a', {
      body,
      duplex: 'half',
      headers: { 'Transfer-Encoding': 'chunked' },
    })
    for (const answer of [announced, chunked]) {
      expect(answer.status).toBe(413)
      expect(await problemOf(answer)).toMatchObject({ code: 'too_large', detail: 'the body is larger than 5000 bytes' })
    }
    expect(pulled).toBeLessThan(10_000)
    expect([limitsHit, registry.acquired]).toEqual([['frame', 'frame'], 0])
  })

  test('a chunked body within the limit is read, and one that breaks off is malformed and logged as no failure of ours', async () => {
    const { request, put, logged } = openApp()
    await put('a')
    const chunked = (body: ReadableStream) =>
      request('PATCH', '/v1/records/contact/a', { body, duplex: 'half', headers: { 'Transfer-Encoding': 'chunked' } })
    const whole = new Blob(['{"fields":', '{"title":"Dr"}}']).stream()
    expect(await (await chunked(whole)).json()).toMatchObject({ content: { fields: { title: 'Dr' } } })
    const broken = await chunked(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('{"fields"'))
          controller.error(new Error('aborted'))
        },
      }),
    )
    expect([broken.status, (await problemOf(broken)).code]).toEqual([400, 'malformed'])
    expect(logged).toEqual([])
  })

  test('a body that stands still for five seconds is given up, with its connection, and until then keeps nobody out', async () => {
    const clock = createFakeClock()
    const { request, send, put, registry, logged } = openApp({ clock, limits: { frameBytes: 40 } })
    await put('a')
    const streams: ReadableStreamDefaultController<Uint8Array>[] = []
    const stuck = (headers: Record<string, string>) =>
      request('PATCH', '/v1/records/contact/a', {
        body: new ReadableStream({ start: (controller) => void streams.push(controller) }),
        duplex: 'half',
        headers,
      })
    const bytes = (text: string) => new TextEncoder().encode(text)
    const announced = { 'Content-Length': '40' }
    const chunked = { 'Transfer-Encoding': 'chunked' }
    const answers = [stuck(chunked), stuck(announced), stuck(chunked), stuck(announced), stuck(chunked), stuck(chunked)]
    for (const stream of streams) stream.enqueue(bytes('{"fie'))
    await settled()
    clock.pass(4_000)
    await settled()
    expect((await send('PATCH', '/v1/records/contact/a', { fields: { title: 'Dr' } })).status).toBe(200)
    const [slow] = streams
    slow?.enqueue(bytes('lds":'))
    await settled()
    clock.pass(4_000)
    const given = await Promise.all(answers.slice(1))
    for (const answer of given) {
      expect([answer.status, answer.headers.get('connection')]).toEqual([400, 'close'])
      expect(await problemOf(answer)).toMatchObject({ code: 'malformed', detail: 'nothing of the body came for 5 seconds' })
    }
    slow?.enqueue(bytes('{"title":"Prof"}}'))
    slow?.close()
    expect([(await answers[0])?.status, registry.acquired, logged]).toEqual([200, 0, []])
  })

  test('of more bodies at once than may be in memory, some are told to come back', async () => {
    const { request, put, limitsHit } = openApp({ limits: { frameBytes: 1_000 } })
    await put('a')
    const chunked = () =>
      request('PATCH', '/v1/records/contact/a', {
        body: new Blob([`{"summary":"${'x'.repeat(900)}"}`]).stream(),
        duplex: 'half',
        headers: { 'Transfer-Encoding': 'chunked' },
      })
    const answers = await Promise.all(Array.from({ length: 10 }, chunked))
    const statuses = answers.map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([200, 429]))
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(4)
    expect(new Set(limitsHit)).toEqual(new Set(['unsettled']))
    expect((await chunked()).status).toBe(200)
  })

  test('what is not a JSON object in UTF-8 is malformed, and nothing of it is repeated or logged', async () => {
    const { request, put, logged } = openApp()
    await put('a')
    const bodies = [
      '',
      '{',
      'null',
      '[]',
      '"secret"',
      '1',
      '{"secret":',
      '\u0000',
      'secret',
      '{"content":null}',
      '{"content":[]}',
    ]
    const bytes = [...bodies.map((body) => new TextEncoder().encode(body)), Buffer.from('{"summary":"secret \xff"}', 'latin1')]
    for (const body of bytes) {
      const answer = await request('PATCH', '/v1/records/contact/a', { body })
      const text = await answer.text()
      expect([Buffer.from(body).toString(), answer.status]).toEqual([Buffer.from(body).toString(), 400])
      expect(text).not.toContain('secret')
    }
    expect(logged).toEqual([])
  })

  test('a byte order mark before the JSON, and whatever content type a tool names, do no harm', async () => {
    const { request, put } = openApp()
    await put('a')
    const answer = await request('PATCH', '/v1/records/contact/a', {
      body: '\ufeff{"fields":{"title":"Dr"}}',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    })
    expect(answer.status).toBe(200)
  })

  test('a body of very many values is refused before it is parsed; the fullest record is not', async () => {
    const { request, send, put, limitsHit } = openApp({ limits: { frameBytes: 4_000_000 } })
    await put('a')
    const bodies = [
      `{"tags":{${Array.from({ length: 60_000 }, (_, index) => `"${index}":null`).join(',')}}}`,
      `{"fields":{"title":${'['.repeat(2_000_000)}`,
      `{${Array.from({ length: 60_000 }, (_, index) => `"a\\"${index}":1`).join(',')}}`,
    ]
    for (const body of bodies) {
      const answer = await request('PATCH', '/v1/records/contact/a', { body })
      expect(await problemOf(answer)).toMatchObject({ status: 413, detail: 'the body has too many values for one request' })
    }
    expect(limitsHit).toEqual(['frame', 'frame', 'frame'])
    const entry = { kind: 'call', at: '2026-01-02T03:04:05Z', subject: ',:[{"\\', body: '{"a":[1,2,3]}'.repeat(10), order: 'V' }
    const activities = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`a${index}`, entry]))
    const email = { label: 'x', address: 'a@example.com', primary: true, order: 'V' }
    const emails = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`e${index}`, email]))
    expect((await send('PATCH', '/v1/records/contact/a', { activities, emails })).status).toBe(200)
  })

  test('JSON that is nested without end is refused like any other', async () => {
    const { request, put } = openApp()
    await put('a')
    const deep = `{"fields":{"title":${'['.repeat(90_000)}${']'.repeat(90_000)}}}`
    const answer = await request('PATCH', '/v1/records/contact/a', { body: deep })
    expect([answer.status, (await problemOf(answer)).errors]).toEqual([422, [{ path: ['fields', 'title'], code: 'kind' }]])
  })
})

describe('P10: rate', () => {
  test('over it, writes are answered with 429 and the time to come back; reads are not, nor is anybody else', async () => {
    const clock = createFakeClock()
    const { send, put, get, limitsHit } = openApp({ clock, limits: { updatesPerSecond: 1 } })
    await put('a')
    const statuses: number[] = []
    for (let index = 0; index < 4; index += 1) statuses.push((await send('PATCH', '/v1/records/contact/a', {})).status)
    expect(statuses).toEqual([200, 200, 200, 429])
    clock.pass(200)
    const refused = await send('DELETE', '/v1/records/contact/a')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
    expect(await problemOf(refused)).toEqual({
      type: 'about:blank',
      title: 'Too many requests',
      status: 429,
      detail: 'too many writes; come back later',
      code: 'rate_limited',
    })
    expect((await get('/v1/records/contact/a')).status).toBe(200)
    clock.pass(1_000)
    expect((await send('DELETE', '/v1/records/contact/a')).status).toBe(204)
    expect(limitsHit).toEqual(['rate', 'rate'])
  })

  test('a body that is too large is paid for as well', async () => {
    const { request, put } = openApp({ clock: createFakeClock(), limits: { frameBytes: 1_000, bytesPerSecond: 100 } })
    await put('a')
    const large = () => request('PATCH', '/v1/records/contact/a', { body: '{}', headers: { 'Content-Length': '1001' } })
    expect([(await large()).status, (await large()).status]).toEqual([413, 429])
  })

  test('a large body is paid for in bytes, and the answer says truly when', async () => {
    const clock = createFakeClock()
    const { send, put } = openApp({ clock, limits: { bytesPerSecond: 100 } })
    await put('a')
    const body = { summary: 'x'.repeat(885) }
    expect((await send('PATCH', '/v1/records/contact/a', body)).status).toBe(200)
    const refused = await send('PATCH', '/v1/records/contact/a', {})
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '7'])
    clock.pass(7_000)
    expect((await send('PATCH', '/v1/records/contact/a', {})).status).toBe(200)
  })
})

describe('?projected=true', () => {
  test('asks for the record as it stood at arrival, holds it no longer, and answers what it found then', async () => {
    const asked: unknown[] = []
    const { send, get, put, registry } = openApp({
      reached: async ({ id }, sequence, milliseconds) => {
        asked.push([id, sequence, milliseconds, registry.acquired])
        await send('PATCH', '/v1/records/contact/a', { fields: { title: 'meanwhile' } })
        return true
      },
    })
    await put('a')
    const answer = await get('/v1/records/contact/a?projected=true')
    expect([answer.status, answer.headers.get('etag')]).toEqual([200, '"1"'])
    expect((await answer.json()) as object).toMatchObject({ sequence: 1, content: { fields: { lastName: 'a' } } })
    expect(asked).toEqual([['a', 1, 5_000, 0]])
    expect((await get('/v1/records/contact/a?projected=false')).headers.get('etag')).toBe('"2"')
  })

  test('asks for what the log holds at arrival, if another instance has written more than the room has heard of', async () => {
    const asked: number[] = []
    const reached = async (_key: unknown, sequence: number): Promise<boolean> => asked.push(sequence) > 0
    const { get, put } = openApp({ reached, heads: { a: { sequence: 7, entry: 'e' } } })
    await put('a')
    expect((await get('/v1/records/contact/a?projected=true')).headers.get('etag')).toBe('"1"')
    await get('/v1/records/contact/a')
    expect(asked).toEqual([7])
  })

  test('rows that do not come are answered with 504, of a deleted record too', async () => {
    const { get, put, logged } = openApp({ reached: async () => false })
    await put('a')
    await put('gone', 5)
    for (const id of ['a', 'gone']) {
      const answer = await get(`/v1/records/contact/${id}?projected=true`)
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([504, '1'])
      expect(await problemOf(answer)).toEqual({
        type: 'about:blank',
        title: 'Not yet',
        status: 504,
        detail: expect.stringContaining('rows do not show'),
        code: 'not_yet',
      })
    }
    expect((await get('/v1/records/contact/none?projected=true')).status).toBe(404)
    expect(logged.filter((line) => (JSON.parse(line) as { level: number }).level >= LEVEL_ERROR)).toEqual([])
  })

  test('once they are there, a deleted record is gone', async () => {
    const { get, put } = openApp()
    await put('gone', 5)
    expect((await get('/v1/records/contact/gone?projected=true')).status).toBe(410)
  })

  test.each([
    '/v1/records/contact?projected=true',
    '/v1/records/contact?projected=false',
    '/v1/records/contact/a?projected=yes',
    '/v1/records/contact/a?at=1&projected=true',
    '/v1/records/contact/a?at=yesterday',
    '/v1/records/contact/a?at=1&at=2',
  ])('what it cannot answer is malformed: %s', async (path) => {
    const { get, put } = openApp()
    await put('a')
    expect((await get(path)).status).toBe(400)
  })
})

describe('a flag in the URL', () => {
  test.each(['erase', 'erase=', 'erase=1', 'erase=TRUE', 'erase=true', 'erase=false&erase=true'])(
    'that might ask for an erasure deletes nothing: %s',
    async (query) => {
      const { send, put, get } = openApp()
      await put('a')
      expect((await send('DELETE', `/v1/records/contact/a?${query}`)).status).toBe(400)
      expect((await get('/v1/records/contact/a')).status).toBe(200)
      expect((await send('DELETE', '/v1/records/contact/a?erase=false')).status).toBe(204)
    },
  )

  test.each(['contact/a?projected', 'contact/a?projected=', 'contact?deleted', 'contact?deleted='])(
    'needs a value: %s',
    async (path) => {
      const { put, get } = openApp()
      await put('a')
      expect((await get(`/v1/records/${path}`)).status).toBe(400)
    },
  )
})

test('a collection has no state that a new record could depend on', async () => {
  const { send, registry } = openApp()
  const answer = await send('POST', '/v1/records/contact', { id: 'a', content: {} }, { 'If-Match': '*' })
  expect([answer.status, registry.rooms.size]).toEqual([400, 0])
})

describe('read, change, write', () => {
  test('a record may be sent back whole, with one change', async () => {
    const { send, put, get, registry } = openApp()
    await put('a', undefined, 'Met at the fair.')
    const document = registry.rooms.get('a')?.document
    document?.getMap('fields').set('birthday', 'soon')
    document?.getXmlFragment('notes').insert(0, [new Y.XmlText('typed by hand')])
    const record = (await (await get('/v1/records/contact/a')).json()) as { content: { fields: object; notes: string } }
    expect(record.content.notes).toContain('typed')
    const fields = { ...record.content.fields, title: 'Dr' }
    const changed = { ...record, content: { ...record.content, fields } }
    const answer = await send('PATCH', '/v1/records/contact/a', changed)
    expect(await answer.json()).toMatchObject({ content: { ...record.content, fields } })
    const other = await send('PATCH', '/v1/records/contact/a', { ...changed, content: { ...changed.content, notes: 'x' } })
    expect((await problemOf(other)).errors).toEqual([{ path: ['notes'], code: 'forbidden' }])
  })

  test('but not as another record, nor with what no record has', async () => {
    const { send, put } = openApp()
    await put('a')
    const bodies = {
      id: { id: 'b', content: {} },
      type: { type: 'account', id: 'a', content: {} },
      content: { tenant: 'demo', content: {} },
    }
    for (const [name, body] of Object.entries(bodies)) {
      const answer = await send('PATCH', '/v1/records/contact/a', body)
      expect([name, answer.status]).toEqual([name, 422])
      expect((await problemOf(answer)).errors).toContainEqual({ path: [name], code: expect.any(String) })
    }
  })

  test('empty notes may come with a new record', async () => {
    const { send } = openApp()
    const create = (notes: string) => send('POST', '/v1/records/contact', { content: { notes } })
    expect([(await create('')).status, (await create('<p>x</p>')).status]).toEqual([201, 422])
  })
})

describe('who may not write', () => {
  const requests = (send: ReturnType<typeof openApp>['send'], token: string, id: string) => [
    send('POST', '/v1/records/contact', { id, content: {} }, {}, token),
    send('PATCH', `/v1/records/contact/${id}`, {}, {}, token),
    send('DELETE', `/v1/records/contact/${id}`, undefined, {}, token),
    send('POST', `/v1/records/contact/${id}/restore`, undefined, {}, token),
  ]

  test('a viewer is refused, whether or not the record exists', async () => {
    const { send, put } = openApp()
    await put('a')
    const answers = await Promise.all(['a', 'none'].flatMap((id) => requests(send, 'viewer', id)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([403]))
    expect(new Set(await Promise.all(answers.map((answer) => answer.text()))).size).toBe(1)
  })

  test('P11: for somebody without any role, everything is missing', async () => {
    const { send, put, get } = openApp()
    await put('a')
    const missing = await (await get('/v1/records/contact/none')).text()
    for (const answer of await Promise.all(requests(send, 'nobody', 'a'))) {
      expect([answer.status, await answer.text()]).toEqual([404, missing])
    }
  })
})
