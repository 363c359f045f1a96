import type { Message } from '../envoy-api/types.ts'

/** Where in a resource a failed constraint is, as far as the resource can be followed. */
export interface BlamedPath {
  /** The fields on the way, as the .proto file has them. */
  readonly names: readonly string[]
  /** What the last one holds: texts and numbers, durations in milliseconds. */
  readonly values: ReadonlySet<string | number>
  /** Name of the Envoy route that the way leads through, which is that of our row. */
  readonly route?: string
}

/** As many values tell one field from others. */
const maxValues = 200

/**
 * Follows the path of a message of protoc-gen-validate
 * (`...ValidationError.VirtualHosts[0]: ... | caused by ...`) through the resource that was refused.
 */
export function resolve(error: string, resource: Message): BlamedPath | undefined {
  const steps = [...error.matchAll(/ValidationError\.(\w+?)(?:\[([^\]]*)\])?:/g)]
  if (steps.length === 0) return undefined
  const names = steps.map(([, name]) => snakeCase(name!))
  let route: string | undefined
  let at: unknown = resource
  for (const [index, name] of names.entries()) {
    const next = step(at, name, steps[index]![2])
    // What is around the resource, such as the filter that holds its routes, is in the path of a whole configuration.
    if (next === undefined && at === resource) continue
    if (next === undefined) break
    at = next
    if (name === 'routes' && typeof (at as Message).name === 'string') route = (at as Message).name as string
  }
  const values = new Set<string | number>()
  if (at !== resource) collect(at, values)
  return { names, values, ...(route !== undefined && { route }) }
}

/** The field itself, one newer than the loaded protos under its long name; of a list or map the item. */
function step(at: unknown, name: string, index: string | undefined): unknown {
  if (typeof at !== 'object' || at === null) return undefined
  const key = Object.keys(at).find((each) => each === name || each.endsWith(`.${name}`))
  const value = key === undefined ? undefined : (at as Message)[key]
  if (index === undefined || typeof value !== 'object' || value === null) return value
  return (value as Record<string, unknown>)[index.replaceAll('"', '')]
}

function collect(value: unknown, into: Set<string | number>): void {
  if (into.size >= maxValues || value === null || Buffer.isBuffer(value)) return
  if (typeof value === 'string' || typeof value === 'number') into.add(value)
  if (typeof value !== 'object') return
  const { seconds, nanos = 0 } = value as { seconds?: unknown; nanos?: unknown }
  if (typeof seconds === 'number') into.add(seconds * 1_000 + Number(nanos) / 1_000_000)
  for (const item of Object.values(value)) collect(item, into)
}

/** `VirtualHosts` is `virtual_hosts` in the .proto file. */
function snakeCase(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toLowerCase()
}
