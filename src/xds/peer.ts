import { isIPv6 } from 'node:net'

/** `address:port` of a connection's other end, without the port. */
export function addressOf(peer: string): string {
  const address = peer.slice(0, peer.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')
  // A socket for both families shows IPv4 peers as IPv6 addresses (RFC 4291, section 2.5.5.2).
  return address.replace(/^::ffff:(?=\d+\.)/, '')
}

/** By what a peer is counted: its address, of IPv6 its network of 64 bits, which one machine may have for itself. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [before = '', after] = address.replace(/%.*$/, '').split('::') as [string?, string?]
  const [head, tail] = [before, after ?? ''].map((part) => (part === '' ? [] : part.split(':')))
  const gap = after === undefined ? [] : Array(Math.max(0, 8 - head!.length - tail!.length)).fill('0')
  const groups = [...head!, ...gap, ...tail!].slice(0, 4)
  return `${groups.map((group) => group.toLowerCase().replace(/^0+(?=.)/, '')).join(':')}::/64`
}
