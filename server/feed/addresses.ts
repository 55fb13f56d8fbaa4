/**
 * Which addresses the server may be sent to by somebody who types a URL: those of the public internet, and those that the operator
 * allows. Everything else leads to machines that trust whoever can reach them: this one, its network, its cloud's metadata.
 */
import { BlockList, isIP } from 'node:net'

/** An address, or a range of them. */
export interface AddressRange {
  readonly address: string
  /** Leading bits that all of the range have in common. */
  readonly bits: number
}

export type AddressGuard = (address: string) => boolean

/** IANA's registry of special purposes, whatever is not globally reachable, and multicast. */
const PRIVATE_V4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24'],
  ...['198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/3'],
]
/** What is given to the public internet at all, and what of that is not: protocols, documentation, tunnels that hold an IPv4 address. */
const PUBLIC_V6 = ['2000::/3']
const PRIVATE_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']
/** Hold an IPv4 address in their last 32 bits, which is where they lead: as such, or through NAT64. */
const EMBEDDING_V6 = ['::ffff:0:0/96', '64:ff9b::/96']

const privateV4 = listOf(PRIVATE_V4.map(rangeOf))
const publicV6 = listOf(PUBLIC_V6.map(rangeOf))
const privateV6 = listOf(PRIVATE_V6.map(rangeOf))
const embeddingV6 = listOf(EMBEDDING_V6.map(rangeOf))

/** Tells whether an address may be connected to. */
export function createAddressGuard(allowed: readonly AddressRange[]): AddressGuard {
  const exceptions = listOf(allowed)
  return (given) => {
    const address = withoutEmbedding(given)
    const version = isIP(address)
    if (version === 4) return exceptions.check(address, 'ipv4') || !privateV4.check(address, 'ipv4')
    if (version !== 6) return false
    if (exceptions.check(address, 'ipv6')) return true
    return publicV6.check(address, 'ipv6') && !privateV6.check(address, 'ipv6')
  }
}

function rangeOf(text: string): AddressRange {
  const [address = '', bits] = text.split('/')
  return { address, bits: Number(bits) }
}

function listOf(ranges: readonly AddressRange[]): BlockList {
  const list = new BlockList()
  for (const { address, bits } of ranges) list.addSubnet(address, bits, isIP(address) === 4 ? 'ipv4' : 'ipv6')
  return list
}

/** The IPv4 address that an IPv6 address stands for, else the address itself, without a zone. */
function withoutEmbedding(given: string): string {
  const [address = ''] = given.split('%')
  if (isIP(address) !== 6 || !embeddingV6.check(address, 'ipv6')) return address
  // The parser of URLs writes every IPv6 address in one way: the last 32 bits as two groups, or as one where the first is zero.
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(':')
  const [high = '', low = ''] = groups.slice(-2)
  const bits = Number.parseInt(high || '0', 16) * 65_536 + Number.parseInt(low || '0', 16)
  return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.')
}
