import { encode, protos } from './protos.ts'
import type { Message } from './types.ts'

/**
 * A `google.protobuf.Any` that holds `message`; `typeName` as in `envoy.config.cluster.v3.Cluster`. Throws when its file
 * is not loaded: it would be encoded as nothing, without a word.
 */
export function any(typeName: string, message: Message): Message {
  if (!(typeName in protos())) throw new Error(`${typeName} is not loaded: name its file in proto/roots.json`)
  return { '@type': `type.googleapis.com/${typeName}`, ...message }
}

/** The same with `message` encoded already, for large ones that many compiles have a part in. */
export function encodedAny(typeName: string, message: Message): Message {
  return { type_url: `type.googleapis.com/${typeName}`, value: encode(typeName, message) }
}

/** A `google.protobuf.Duration` from whole milliseconds. */
export function duration(milliseconds: number): Message {
  return { seconds: Math.floor(milliseconds / 1000), nanos: (milliseconds % 1000) * 1_000_000 }
}

/** A `google.protobuf.BoolValue`, `UInt32Value` or another wrapper message. */
export function wrap(value: boolean | number | string): Message {
  return { value }
}

/**
 * Fields of a message that are newer than the loaded protos and declared in `proto/weir`; `package` is that
 * of the message.
 */
export function newer(packageName: string, fields: Message): Message {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [`.${packageName}.${name}`, value]))
}

/**
 * An extension's configuration as JSON, for messages and fields newer than the loaded protos.
 * Envoy accepts it wherever an extension's `typed_config` is (xds.type.v3.TypedStruct).
 */
export function typedStruct(typeName: string, value: object): Message {
  return any('xds.type.v3.TypedStruct', {
    type_url: `type.googleapis.com/${typeName}`,
    value: struct(value),
  })
}

/** A `google.protobuf.Struct`. protobufjs carries its own, whose fields are camelCase whatever `keepCase` says. */
export function struct(value: object): Message {
  return { fields: Object.fromEntries(Object.entries(value).map(([key, item]) => [key, structValue(item)])) }
}

function structValue(value: unknown): Message {
  if (value === null) return { nullValue: 'NULL_VALUE' }
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'number') return { numberValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (Array.isArray(value)) return { listValue: { values: value.map(structValue) } }
  return { structValue: struct(value as object) }
}

/** An address that a listener binds or a cluster connects to. */
export function socketAddress(address: string, port: number): Message {
  return { socket_address: { address, port_value: port } }
}

/** A config source: the stream that brought this resource (ADS), with the wait that envoy-facts asks to state. */
export function fromAds(): Message {
  return { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: duration(15_000) }
}
