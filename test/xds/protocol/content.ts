import type { EncodedResource } from '../../../src/envoy-api/encoded.ts'
import { type TypeUrl, typeUrls } from '../../../src/envoy-api/types.ts'
import type { Snapshot } from '../../../src/xds/snapshot.ts'

export type ShortType = keyof typeof typeUrls
/** What a resource says, in short; two resources of one name with one text are the same. */
export type Texts = Record<ShortType, Map<string, string>>

export const types = Object.keys(typeUrls) as ShortType[]
export const shortOf = new Map<string, ShortType>(types.map((short) => [typeUrls[short], short]))

export function isWildcard(short: ShortType): short is 'cluster' | 'listener' {
  return short === 'cluster' || short === 'listener'
}

export function noTexts(): Texts {
  return Object.fromEntries(types.map((short) => [short, new Map()])) as Texts
}

/** The snapshot of these texts, written by hand: the version of a resource is its text. */
export function snapshotOf(revision: number, texts: Texts): Snapshot {
  const resources = types.map((short): [TypeUrl, Map<string, EncodedResource>] => {
    const made = [...texts[short]].map(([name, text]) => [name, encoded(short, name, text)] as const)
    return [typeUrls[short], new Map(made)]
  })
  return { gateway: 'edge', revision, resources: new Map(resources) }
}

const made = new Map<string, EncodedResource>()

function encoded(short: ShortType, name: string, text: string): EncodedResource {
  const key = `${short} ${name} ${text}`
  const known = made.get(key)
  if (known !== undefined) return known
  // Of every type the name is field 1. What an extension holds is a list, whose items go by themselves.
  const parts = Buffer.concat(text.split(',').map((part) => field(1, part)))
  const content = short === 'extension' ? Buffer.concat([field(1, 'parts'), field(2, parts)]) : text
  const message = Buffer.concat([field(1, name), field(2, content)])
  const any = Buffer.concat([field(1, typeUrls[short]), field(2, message)])
  const resource = { name, version: text, any }
  made.set(key, resource)
  return resource
}

/** Reads the value of an `Any`. A resource without a text is one that says there is nothing. */
export function contentOf(short: ShortType, value: Uint8Array): { name: string; text: string } {
  const [name, content] = fields(Buffer.from(value))
  const parts = short === 'extension' ? fields(fields(content!)[1]!).map(String) : [String(content ?? '')]
  return { name: String(name), text: [...new Set(parts)].sort().join(',') }
}

function field(number: number, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content)
  const long = [(bytes.length & 0x7f) | 0x80, bytes.length >> 7]
  return Buffer.concat([
    Buffer.from([number * 8 + 2, ...(bytes.length > 0x7f ? long : [bytes.length])]),
    bytes,
  ])
}

function fields(message: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < message.length; ) {
    const length =
      message[at + 1]! > 0x7f ? (message[at + 1]! & 0x7f) + message[at + 2]! * 128 : message[at + 1]!
    const start = at + (message[at + 1]! > 0x7f ? 3 : 2)
    at = start + length
    found.push(message.subarray(start, at))
  }
  return found
}

/** How an Envoy refuses what it finds this in: as unreadable, without a name, or as unusable, by name. */
export type Flaw = '' | 'unreadable' | 'unusable'

export function flawOf(text: string): Flaw {
  return text.includes('unreadable') ? 'unreadable' : text.includes('unusable') ? 'unusable' : ''
}

/** What a listener (`<route>/<secret>/<extension>:<n>`) or a route (`<cluster>/<part>:<n>`) names. */
export function namedBy(text: string): string[] {
  return text.split(':')[0]!.split('/')
}

/** Whether an extension has everything of another. */
export function includesAll(text: string, of: string): boolean {
  const parts = new Set(text.split(','))
  return of.split(',').every((part) => parts.has(part))
}
