/** The xDS resource types that weir serves, by their short names (Envoy docs: "xDS REST and gRPC protocol"). */
export const typeUrls = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoints: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  extension: 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
} as const

export type TypeUrl = (typeof typeUrls)[keyof typeof typeUrls]

/**
 * A protobuf message as a plain object with the names of the .proto file (`connect_timeout`).
 * An `Any` is written as an object with `@type`; enums by name; 64-bit integers as decimal strings or numbers.
 */
export type Message = { [field: string]: unknown }

/** What one gateway's Envoys are to have: type URL -> resource name -> message. */
export type Resources = ReadonlyMap<TypeUrl, ReadonlyMap<string, Message>>
