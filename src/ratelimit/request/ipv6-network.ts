import { canonicalIp } from '../../model/ip.ts'
import { groupsOf } from './address-bits.ts'

/**
 * The /64 that an IPv6 address is in, in its canonical form (RFC 5952): a client owns its whole network, so single
 * addresses would let it start anew as often as it likes. IPv4-mapped addresses stand for their IPv4 address.
 */
export function ipv6Network(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped !== null) return mapped[1]!
  return `${canonicalIp(`${groupsOf(address).slice(0, 4).join(':')}::`)}/64`
}
