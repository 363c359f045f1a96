import type { Message } from '../../envoy-api/types.ts'

/**
 * Where OTLP is sent to a cluster (OTLP specification, "OTLP/gRPC" and "OTLP/HTTP"); gRPC needs HTTP/2.
 * `timeout` is a duration of a message, or of JSON where the exporter is part of such.
 */
export function exporter(
  cluster: string,
  { speaksHttp2, path, timeout }: { speaksHttp2: boolean; path: string; timeout: Message | string },
): Message {
  if (speaksHttp2) return { grpc_service: { envoy_grpc: { cluster_name: cluster }, timeout } }
  return { http_service: { http_uri: { uri: `http://${cluster}${path}`, cluster, timeout } } }
}
