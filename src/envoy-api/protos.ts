import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import {
  fromJSON,
  loadSync,
  type MessageTypeDefinition,
  type Options,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader'
import { projectRoot } from '../project-root.ts'
import type { Message } from './types.ts'

const options: Options = {
  keepCase: true,
  longs: Number,
  enums: String,
  defaults: false,
  oneofs: false,
  bytes: Buffer,
}

let loaded: PackageDefinition | undefined

/**
 * The descriptors named in `proto/roots.json`, loaded once per process (0.2 s).
 * In the repository they are read from `@grpc/grpc-js-xds` and `proto/`; a build carries them beside this file.
 */
export function protos(): PackageDefinition {
  loaded ??= load()
  return loaded
}

function load(): PackageDefinition {
  const built = join(import.meta.dirname, 'protos.json')
  if (existsSync(built)) return fromJSON(JSON.parse(readFileSync(built, 'utf8')), options)
  return loadSync(protoRoots(), { ...options, includeDirs: protoIncludeDirs() })
}

/** Files that are loaded, relative to one of `protoIncludeDirs`. */
export function protoRoots(): string[] {
  return JSON.parse(readFileSync(join(projectRoot, 'proto', 'roots.json'), 'utf8'))
}

/** Where .proto files are looked up; ours come first, so that they may stand in for older ones. */
export function protoIncludeDirs(): string[] {
  const packageFile = createRequire(import.meta.url).resolve('@grpc/grpc-js-xds/package.json')
  const deps = join(dirname(packageFile), 'deps')
  return [
    join(projectRoot, 'proto'),
    ...['envoy-api', 'googleapis', 'protoc-gen-validate', 'xds'].map((folder) => join(deps, folder)),
  ]
}

type Codec = MessageTypeDefinition<object, object> & {
  serialize(value: object): Buffer
  deserialize(bytes: Buffer): object
}

function codec(typeName: string): Codec {
  const definition = protos()[typeName]
  if (definition === undefined || !('serialize' in definition)) {
    throw new Error(`${typeName} is not among the loaded protos: name its file in proto/roots.json`)
  }
  return definition as Codec
}

/** Bytes of `message` as `typeName` (for example `envoy.config.cluster.v3.Cluster`). Unknown fields are dropped. */
export function encode(typeName: string, message: Message): Buffer {
  return codec(typeName).serialize(message)
}

/** The inverse of `encode`; an `Any` comes back as `{type_url, value}`. */
export function decode(typeName: string, bytes: Buffer): Message {
  return codec(typeName).deserialize(bytes) as Message
}

/** The gRPC definition of a service, as `@grpc/grpc-js` wants it. */
export function service(name: string): ServiceDefinition {
  const definition = protos()[name]
  if (definition === undefined || 'format' in definition) throw new Error(`${name} is not a loaded service`)
  return definition as ServiceDefinition
}
