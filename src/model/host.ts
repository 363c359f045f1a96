import { isIP } from 'node:net'
import { canonicalIp, ipProblem } from './ip.ts'

const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i

/** Why a text is neither an IP address nor a name that DNS can be asked for, if it is not (RFC 1123, section 2.1). */
export function hostProblem(value: string): string | undefined {
  if (isIP(value) !== 0) return ipProblem(value)
  const labels = value.replace(/\.$/, '').split('.')
  const wrong = labels.find((each) => !label.test(each))
  if (wrong !== undefined) return 'is not an IP address or host name'
  // `10.0.0.256` is a mistake, and no name of the DNS has such an end.
  return /^[0-9]+$/.test(labels.at(-1)!) ? 'is not an IPv4 address, and no host name either' : undefined
}

/** One spelling for each host, so that two documents of one can be told. */
export function canonicalHost(value: string): string {
  return isIP(value) === 0 ? value.toLowerCase().replace(/\.$/, '') : canonicalIp(value)
}
