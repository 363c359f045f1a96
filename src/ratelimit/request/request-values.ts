import { isIPv6 } from 'node:net'
import { entryKey, policyEntry } from '../../model/descriptor.ts'
import type { KeyPart, RequestPart } from '../../model/limit-rule.ts'
import type { RateLimitDescriptor } from '../transports/messages.ts'
import { ipv6Network } from './ipv6-network.ts'

/** Value of a part that the request lacks. No entry's value can be undefined, so no client can send it. */
export type PartValue = string | undefined

/** What a descriptor says of its request. Values are byte strings: latin1 keeps each byte, whatever it means. */
export interface RequestValues {
  /** The policy that is asked. */
  policy: string
  /** The value of a part as the request has it. */
  of(part: RequestPart): PartValue
}

/** Reads a descriptor; `plans` says on which plan a consumer is. */
export function requestValues(
  { entries = [] }: RateLimitDescriptor,
  plans: ReadonlyMap<string, string>,
): RequestValues {
  const entry = (key: string): PartValue => {
    for (const each of entries) if (each.key === key) return each.value?.toString('latin1') ?? ''
    return undefined
  }
  return {
    policy: entry(policyEntry) ?? '',
    of(part) {
      const value = entry(entryKey(part))
      if (value === undefined) return undefined
      switch (part.kind) {
        case 'path':
          return pathOf(value)
        case 'query':
          return parameter(value, inBytes(part.name))
        case 'cookie':
          return cookie(value, part.name)
        case 'plan':
          return plans.get(value)
        default:
          return value
      }
    },
  }
}

/** What a part counts by. An IPv6 client owns its whole /64, so single addresses would let it start anew at will. */
export function keyValue(part: KeyPart, values: RequestValues): PartValue {
  if (part.kind === 'constant') return inBytes(part.value)
  const value = values.of(part)
  return part.kind === 'client_ip' && value !== undefined && isIPv6(value) ? ipv6Network(value) : value
}

function pathOf(target: string): string {
  const at = target.indexOf('?')
  return at < 0 ? target : target.slice(0, at)
}

/** The query that was read last: every descriptor of a request has the same, and some ask it for many names. */
let lastTarget = ''
let lastParameters: ReadonlyMap<string, string> = new Map()

/** The first parameter of a name, in its plain form: another way to write it would else be another key. */
function parameter(target: string, name: string): PartValue {
  if (target !== lastTarget) {
    lastParameters = parametersOf(target)
    lastTarget = target
  }
  return lastParameters.get(name)
}

function parametersOf(target: string): Map<string, string> {
  const parameters = new Map<string, string>()
  for (let at = target.indexOf('?') + 1; at > 0 && at <= target.length; ) {
    const end = target.indexOf('&', at) < 0 ? target.length : target.indexOf('&', at)
    const pair = target.slice(at, end)
    const equals = pair.indexOf('=')
    const name = plain(equals < 0 ? pair : pair.slice(0, equals))
    if (pair !== '' && !parameters.has(name))
      parameters.set(name, equals < 0 ? '' : plain(pair.slice(equals + 1)))
    at = end + 1
  }
  return parameters
}

/** `application/x-www-form-urlencoded` (WHATWG URL, section 5.1), with bytes as latin1. */
function plain(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text
  return text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_escape, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** No client can send it: a header holds no NUL (RFC 9110, section 5.5). */
const ambiguous = '\0'

/**
 * The first cookie of a name (RFC 6265, section 4.2.1) in all lines of the header. Envoy puts commas between the lines, and
 * a client may write one into a value, so that a cookie behind a comma is perhaps none. Where it can be read differently
 * all such requests are one: whichever was taken, a client could have its upstream take the other, and vary this one at
 * will. For the same reason a value ends at a comma, which RFC 6265 allows in none.
 */
function cookie(header: string, name: string): PartValue {
  let found: PartValue
  for (const group of header.split(';')) {
    let certain = true
    for (const pair of group.split(',')) {
      const value = cookieValue(pair, name)
      if (value !== undefined) {
        if (found !== undefined && found !== value) return ambiguous
        if (certain) return value
        found = value
      }
      certain = false
    }
  }
  return found
}

function cookieValue(pair: string, name: string): PartValue {
  const at = pair.indexOf('=')
  return at > 0 && pair.slice(0, at).trim() === name ? pair.slice(at + 1).trim() : undefined
}

/** What is written is UTF-8 in a request, and requests are byte strings here. */
export function inBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
