import type { Protocol } from '../dialects.ts'
import type { Said } from './client.ts'
import { contentOf, shortOf } from './content.ts'

interface WireResource {
  readonly name?: string
  readonly version?: string
  readonly resource?: WireAny
}

interface WireAny {
  readonly type_url: string
  readonly value: Buffer
}

/** Reads a decoded response of either variant. */
export function saidBy(protocol: Protocol, wire: Record<string, unknown>): Said {
  return protocol === 'delta' ? saidByDelta(wire) : saidBySotw(wire)
}

function saidByDelta(wire: Record<string, unknown>): Said {
  const short = shortOf.get(String(wire.type_url))!
  const resources = ((wire.resources ?? []) as WireResource[]).map(
    ({ name = '', version = '', resource }) => {
      const content = contentOf(short, resource!.value)
      if (content.name !== name) throw new Error(`${content.name} came as ${name}`)
      return { name, version, text: content.text }
    },
  )
  const removed = (wire.removed_resources ?? []) as string[]
  return { short, nonce: String(wire.nonce), version: '', resources, removed }
}

function saidBySotw(wire: Record<string, unknown>): Said {
  const short = shortOf.get(String(wire.type_url))!
  const resources = ((wire.resources ?? []) as WireAny[]).map(({ value }) => {
    return { ...contentOf(short, value), version: '' }
  })
  return { short, nonce: String(wire.nonce), version: String(wire.version_info), resources, removed: [] }
}
