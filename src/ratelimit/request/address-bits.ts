import { isIPv4 } from 'node:net'

/** The bits of an IP address as text, 32 or 128 of `0` and `1`, so that a block is a beginning of it. */
export function addressBits(address: string): string {
  if (isIPv4(address))
    return address
      .split('.')
      .map((part) => bits(Number(part), 8))
      .join('')
  return groupsOf(address)
    .map((group) => bits(Number.parseInt(group, 16), 16))
    .join('')
}

/** The eight groups of an IPv6 address (RFC 4291, section 2.2), in hexadecimal. */
export function groupsOf(address: string): string[] {
  const [head = '', tail] = address.replace(/%.*$/, '').split('::') as [string?, string?]
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const zeros = Math.max(0, 8 - left.length - right.length)
  return [...left, ...Array<string>(zeros).fill('0'), ...right]
}

function groups(text: string): string[] {
  return text === '' ? [] : text.split(':').flatMap((group) => (group.includes('.') ? quads(group) : [group]))
}

/** An IPv4 address in the last 32 bits. */
function quads(text: string): string[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number)
  return [((a << 8) | b).toString(16), ((c << 8) | d).toString(16)]
}

function bits(value: number, length: number): string {
  return value.toString(2).padStart(length, '0')
}
