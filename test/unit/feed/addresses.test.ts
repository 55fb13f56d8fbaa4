import { describe, expect, test } from 'vitest'
import { createAddressGuard } from '../../../server/feed/addresses.ts'

const isAllowed = createAddressGuard([])

describe('the guard of addresses', () => {
  test.each([
    ...['127.0.0.1', '127.255.255.254', '0.0.0.0', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254'],
    ...['100.64.0.1', '100.127.255.255', '192.0.0.8', '192.0.2.1', '198.18.0.1', '198.51.100.7', '203.0.113.9', '224.0.0.1'],
    ...['240.0.0.1', '255.255.255.255', '192.88.99.1'],
    ...['::1', '::', 'fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd12:3456::1', 'ff02::1', '2001:db8::1', '100::1', '::127.0.0.1'],
    ...['::ffff:127.0.0.1', '::ffff:7f00:1', '0:0:0:0:0:ffff:10.0.0.1', '::ffff:169.254.169.254', '::ffff:0:127.0.0.1'],
    ...['64:ff9b::127.0.0.1', '64:ff9b::a00:1', '64:ff9b::', '64:ff9b:1::1', '2002:7f00:1::', '2001:0:4136:e378::1', '3fff::1'],
    ...['localhost', '', '1.2.3', '127.1', '0x7f.0.0.1'],
  ])('refused: %s', (address) => expect(isAllowed(address)).toBe(false))

  test.each([
    ...['1.1.1.1', '8.8.8.8', '100.63.255.255', '100.128.0.0', '172.15.0.1', '172.32.0.1', '192.167.1.1', '223.255.255.255'],
    ...['2606:4700::1111', '2a00:1450:4001::1', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8', '64:ff9b::808:808'],
  ])('allowed: %s', (address) => expect(isAllowed(address)).toBe(true))

  test('what the operator allows is allowed, in whatever form, and nothing beside it', () => {
    const allows = createAddressGuard([
      { address: '127.0.0.1', bits: 32 },
      { address: '10.1.0.0', bits: 16 },
      { address: 'fd00::', bits: 64 },
    ])
    for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '10.1.200.3', 'fd00::7', '8.8.8.8'])
      expect(allows(address)).toBe(true)
    for (const address of ['127.0.0.2', '10.2.0.1', 'fd00:0:0:1::7', '::1', '192.168.0.1']) expect(allows(address)).toBe(false)
  })
})
