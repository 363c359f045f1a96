import { type ServerUnaryCall, type ServiceDefinition, type sendUnaryData, status } from '@grpc/grpc-js'
import { messageOf } from '../errors.ts'
import { type Identity, identify } from './node.ts'
import type { Denial } from './pass.ts'
import { readStats, type StatsMessage } from './stats-message.ts'

/**
 * Told whenever an Envoy says what it answered and how its clusters are; `since` is when it began to count that, as near
 * as can be told here. Monotonic milliseconds.
 */
export type OnStats = (
  identity: Identity,
  stats: Pick<StatsMessage, 'figures' | 'clusters'>,
  since: number,
) => void

export type StatsCall = ServerUnaryCall<Buffer, Buffer>

/** What an Envoy says may have been on its way for so long. */
const transitMs = 500

const path = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export'
const asIs = (bytes: Buffer) => bytes

/** The service to which Envoys send their stats: OTLP's of metrics, in bytes. */
export const metricsService: ServiceDefinition = {
  Export: {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
}

/**
 * Takes the stats of Envoys. Nothing is kept of them here. They may come to another replica than that of the Envoy's
 * configuration, so that each message says whose it is.
 */
export function createStatsService(options: {
  /** Why a call may not speak for a gateway, if it may not. */
  denied(call: StatsCall, gateway: string): Denial | undefined
  onStats: OnStats
}) {
  const { denied, onStats } = options
  return {
    Export(call: StatsCall, answer: sendUnaryData<Buffer>): void {
      try {
        const { attributes, overMs, ...stats } = readStats(call.request)
        const identity = identify(nodeOf(attributes))
        if ('code' in identity) {
          answer({ code: status[identity.code], details: identity.message })
          return
        }
        const denial = denied(call, identity.gateway)
        if (denial !== undefined) {
          answer({ code: status[denial.code], details: denial.message })
          return
        }
        onStats(identity, stats, performance.now() - overMs - transitMs)
        answer(null, Buffer.alloc(0))
      } catch (error) {
        const details = `these are no stats of an Envoy of weir: ${messageOf(error)}`
        answer({ code: status.INVALID_ARGUMENT, details })
      }
    },
  }
}

/** A node as ADS has it, of the attributes that `bootstrap/` gives an Envoy's stats. Throws for labels that are none. */
function nodeOf(attributes: ReadonlyMap<string, string>): object {
  const labels: unknown = JSON.parse(attributes.get('weir.labels') ?? '{}')
  const fields = Object.entries(labels as Record<string, unknown>).map(
    ([name, value]) => [name, { stringValue: String(value) }] as const,
  )
  return {
    id: attributes.get('weir.node') ?? '',
    cluster: attributes.get('weir.gateway') ?? '',
    metadata: { fields: { labels: { structValue: { fields: Object.fromEntries(fields) } } } },
  }
}
