import { createHash } from 'node:crypto'
import { patchedMap, replacedIn } from './patched-map.ts'
import { encode } from './protos.ts'
import { type Message, type Resources, type TypeUrl, typeUrls } from './types.ts'
import { fieldPrefix } from './wire-field.ts'

/** A resource in the form in which every stream shares it. */
export interface EncodedResource {
  readonly name: string
  /** Hash of the content: equal on every replica and after every restart. */
  readonly version: string
  /** A serialized `google.protobuf.Any`. */
  readonly any: Buffer
}

export type EncodedResources = ReadonlyMap<TypeUrl, ReadonlyMap<string, EncodedResource>>

/** The clear text of a value that stands for a secret; nothing for any other value. */
export type InClear = (value: object) => string | undefined

/** What was encoded, and what came of it. */
export interface Encoding {
  readonly resources: Resources
  readonly encoded: EncodedResources
}

/**
 * Encodes every resource once; names keep their sorted order, so equal input gives equal bytes. Messages of secrets hold
 * their clear texts as objects that do not print them: `inClear` is what turns them into text, here and nowhere else.
 * What is the same as `before` is the very same object.
 */
export function encodeResources(
  resources: Resources,
  inClear: InClear = () => undefined,
  before?: Encoding,
): EncodedResources {
  const encoded = new Map<TypeUrl, ReadonlyMap<string, EncodedResource>>()
  for (const [type, byName] of resources) {
    const [messages, known] = [before?.resources.get(type), before?.encoded.get(type)]
    const encode = (name: string) => encodeResource(type, name, byName.get(name)!, inClear)
    if (messages === undefined || known === undefined) encoded.set(type, sorted(byName, encode))
    else encoded.set(type, messages === byName ? known : patched(byName, messages, known, encode))
  }
  return encoded
}

type Messages = ReadonlyMap<string, object>
type Encode = (name: string) => EncodedResource

function sorted(messages: Messages, encode: Encode): ReadonlyMap<string, EncodedResource> {
  return new Map([...messages.keys()].sort().map((name) => [name, encode(name)]))
}

/** Only what is another message is looked at; without another name the order stays. */
function patched(
  messages: Messages,
  before: Messages,
  known: ReadonlyMap<string, EncodedResource>,
  encode: Encode,
): ReadonlyMap<string, EncodedResource> {
  const changes: EncodedResource[] = []
  for (const [name, message] of replacedIn(before, messages) ?? messages) {
    const former = before.get(name)
    if (former === undefined) return sorted(messages, encode)
    if (former === message) continue
    const resource = encode(name)
    if (resource.version !== known.get(name)!.version) changes.push(resource)
  }
  if (messages.size !== before.size) return sorted(messages, encode)
  if (changes.length === 0) return known
  const all = patchedMap(
    known,
    changes.map((resource) => [resource.name, resource] as const),
  )
  steps.set(all, { before: new WeakRef(known), names: new Set(changes.map(({ name }) => name)) })
  return all
}

type EncodedByName = ReadonlyMap<string, EncodedResource>

const steps = new WeakMap<EncodedByName, { before: WeakRef<EncodedByName>; names: ReadonlySet<string> }>()

/** The names in which resources differ from those of the encoding before; nothing where that is not known. */
export function changedSince(before: EncodedByName, after: EncodedByName): ReadonlySet<string> | undefined {
  const step = steps.get(after)
  return step?.before.deref() === before ? step.names : undefined
}

const known = new WeakMap<object, EncodedResource>()

/** A message that is the very same object as in an earlier compile is not encoded again. */
function encodeResource(typeUrl: TypeUrl, name: string, message: object, inClear: InClear): EncodedResource {
  const before = known.get(message)
  if (before?.name === name) return before
  const clear = typeUrl === typeUrls.secret ? (revealed(message, inClear) as object) : message
  const encoded = encodeMessage(typeUrl, name, clear)
  known.set(message, encoded)
  return encoded
}

function encodeMessage(typeUrl: TypeUrl, name: string, message: object): EncodedResource {
  const value =
    typeUrl === typeUrls.route ? encodeRoutes(message) : encode(typeNameOf(typeUrl), { ...message })
  const any = encode('google.protobuf.Any', { type_url: typeUrl, value })
  const version = createHash('sha256').update(any).digest('base64url').slice(0, 16)
  return { name, version, any }
}

const typeNameOf = (typeUrl: TypeUrl) => typeUrl.slice(typeUrl.indexOf('/') + 1)
/** Of `RouteConfiguration.virtual_hosts`; only `name` has a lower number, so that the bytes are in the encoder's order. */
const virtualHostsField = 2

/** A route configuration from its virtual hosts, of which those that are the same as before are not encoded again. */
function encodeRoutes(message: object): Buffer {
  const { name, virtual_hosts, ...rest } = message as Message & { virtual_hosts?: Message[] }
  const typeName = typeNameOf(typeUrls.route)
  const hosts = (virtual_hosts ?? []).flatMap((host) => {
    const bytes = hostBytes.get(host) ?? encode('envoy.config.route.v3.VirtualHost', host)
    hostBytes.set(host, bytes)
    return [fieldPrefix(virtualHostsField, bytes.length), bytes]
  })
  return Buffer.concat([encode(typeName, { name }), ...hosts, encode(typeName, rest)])
}

const hostBytes = new WeakMap<Message, Buffer>()

/** Of a value that is neither plain nor a secret's the encoder would make some text. */
function revealed(value: unknown, inClear: InClear): unknown {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  if (Array.isArray(value)) return value.map((item) => revealed(item, inClear))
  if (Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revealed(item, inClear)]))
  }
  const text = inClear(value)
  if (text === undefined) throw new Error('a secret is to be encoded, and nothing was given that can tell it')
  return text
}
