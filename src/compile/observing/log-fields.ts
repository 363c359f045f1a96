import { breakerMetadata } from '../../model/breaker-descriptor.ts'
import { denial } from './denial.ts'
import type { ObservedPlace } from './observing.ts'

/**
 * The fields of a line, in Envoy's substitution formats (Envoy docs: configuration/advanced/substitution_formatter).
 * Nothing that may be a credential is among them: no query, no cookie, no other header than those named here.
 */
export function logFields({ gateway, listener }: ObservedPlace): Record<string, string> {
  return {
    time: '%START_TIME%',
    requestId: '%REQ(X-REQUEST-ID)%',
    traceId: '%TRACE_ID%',
    gateway,
    listener,
    route: '%ROUTE_NAME%',
    method: '%REQ(:METHOD)%',
    host: '%REQ(:AUTHORITY):256%',
    // As the client wrote it, before any rewrite.
    path: '%PATH(NQ:ORIG_OR_PATH):1024%',
    protocol: '%PROTOCOL%',
    status: '%RESPONSE_CODE%',
    grpcStatus: '%GRPC_STATUS(SNAKE_STRING)%',
    flags: '%RESPONSE_FLAGS%',
    details: '%RESPONSE_CODE_DETAILS%',
    cluster: '%UPSTREAM_CLUSTER%',
    fallbackFor: `%DYNAMIC_METADATA(${breakerMetadata.namespace}:${breakerMetadata.fallback})%`,
    upstreamHost: '%UPSTREAM_HOST%',
    attempts: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
    durationMs: '%DURATION%',
    upstreamUs: '%COMMON_DURATION(US_TX_BEG:US_RX_END:us)%',
    gatewayUs: '%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:us)%',
    bytesIn: '%BYTES_RECEIVED%',
    bytesOut: '%BYTES_SENT%',
    client: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
    userAgent: '%REQ(USER-AGENT):256%',
    deniedBy: denial.policy,
    deniedPlan: denial.plan,
    deniedLimit: denial.limit,
  }
}
