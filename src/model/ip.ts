import { isIP } from 'node:net'

/** One spelling for each address: `0:0:0:0:0:0:0:1` and `::1` are the same (RFC 5952). */
export function canonicalIp(address: string): string {
  if (isIP(address) !== 6) return address
  const bare = address.replace(/%.*$/, '')
  return URL.parse(`http://[${bare}]/`)?.hostname.slice(1, -1) ?? address
}

/** Why an address cannot be bound or connected to by Envoy, if it cannot. */
export function ipProblem(value: string): string | undefined {
  if (isIP(value) === 0) return 'is not an IPv4 or IPv6 address'
  if (value.includes('%')) return 'has a zone, which Envoy does not take'
  if (/^::ffff:/i.test(value)) return 'is an IPv4 address written as IPv6; write the IPv4 address'
  return undefined
}

/** Whether it stands for every address of a machine. */
export function isWildcardIp(address: string): boolean {
  return ['0.0.0.0', '::'].includes(canonicalIp(address))
}

/** Whether only the machine itself can reach it. */
export function isLoopbackIp(address: string): boolean {
  return isIP(address) === 4 ? address.startsWith('127.') : canonicalIp(address) === '::1'
}
