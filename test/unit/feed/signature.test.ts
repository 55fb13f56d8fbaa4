/** Against the specification's reference library, which shares no line with ours, and an example that its libraries are tested with. */
import { Webhook, WebhookVerificationError } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { newSecret, signed } from '../../../server/feed/signature.ts'

const BODY = '{"specversion":"1.0","data":{"name":"Zoë 東京 🎉"}}'

describe('signatures', () => {
  test('verify with the reference library, and fail for another body, id, time or secret', () => {
    const secret = newSecret()
    const now = Math.floor(Date.now() / 1_000)
    const headers = { ...signed([secret], 'e1', now, BODY) }
    const receiver = new Webhook(secret)
    expect(receiver.verify(BODY, headers)).toEqual(JSON.parse(BODY))
    const wrong = [
      () => receiver.verify(`${BODY} `, headers),
      () => receiver.verify(BODY, { ...headers, 'webhook-id': 'e2' }),
      () => receiver.verify(BODY, { ...headers, 'webhook-timestamp': String(now + 1) }),
      () => new Webhook(newSecret()).verify(BODY, headers),
    ]
    for (const attempt of wrong) expect(attempt).toThrow(WebhookVerificationError)
  })

  test('of two secrets each verifies alone', () => {
    const [fresh, former] = [newSecret(), newSecret()]
    const headers = { ...signed([fresh, former], 'e1', Math.floor(Date.now() / 1_000), BODY) }
    for (const secret of [fresh, former]) expect(new Webhook(secret).verify(BODY, headers)).toBeTruthy()
    expect(headers['webhook-signature'].split(' ')).toHaveLength(2)
  })

  test('are what the libraries of the specification make of a fixed example', () => {
    const { 'webhook-signature': signature } = signed(
      ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      1_614_265_330,
      '{"test": 2432232314}',
    )
    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })

  test('a secret has 32 random bytes', () => {
    const secrets = Array.from({ length: 100 }, newSecret)
    expect(new Set(secrets).size).toBe(100)
    for (const secret of secrets) expect(Buffer.from(secret.slice('whsec_'.length), 'base64')).toHaveLength(32)
  })
})
