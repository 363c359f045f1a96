import { type ServerReadableStream, type ServiceDefinition, type sendUnaryData, status } from '@grpc/grpc-js'
import { decode } from '../envoy-api/protos.ts'
import { messageOf } from '../errors.ts'
import { bounds } from './bounds.ts'
import { type Identity, identify } from './node.ts'
import type { Denial } from './pass.ts'
import { type RequestFigures, readStats } from './stats-message.ts'

/**
 * Told whenever an Envoy says what it answered since it last said so; `since` is when that was, absent where this is the
 * first of its stream. Monotonic milliseconds.
 */
export type OnFigures = (identity: Identity, figures: RequestFigures, since: number | undefined) => void

/** What streams of stats are, as grpc-js serves them. */
export type StatsCall = ServerReadableStream<Buffer, Buffer>

const path = '/envoy.service.metrics.v3.MetricsService/StreamMetrics'
const asIs = (bytes: Buffer) => bytes

/** The service to which Envoys stream their stats (envoy.service.metrics.v3.MetricsService), in bytes. */
export const metricsService: ServiceDefinition = {
  StreamMetrics: {
    path,
    requestStream: true,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
}

/**
 * Serves the streams of stats, each for as long as its Envoy lives. Nothing is kept of them here. A stream may be at
 * another replica than that of the Envoy's configuration: its first message says whose it is.
 */
export function createStatsService(onFigures: OnFigures) {
  const endings = new Set<() => void>()

  /** @param denied why the peer may not speak for a gateway, if it may not */
  function serve(
    call: StatsCall,
    answer: sendUnaryData<Buffer>,
    denied: (gateway: string) => Denial | undefined,
  ): void {
    let identity: Identity | undefined
    let since: number | undefined
    const fail = (code: status, details: string) => {
      if (endings.delete(end)) answer({ code, details })
    }
    const end = () => fail(status.UNAVAILABLE, 'this weir is stopping; connect again')
    endings.add(end)
    if (endings.size > bounds.streams) {
      fail(status.RESOURCE_EXHAUSTED, `this weir takes at most ${bounds.streams} streams of stats`)
    }
    call.on('data', (bytes: Buffer) => {
      if (!endings.has(end)) return
      try {
        const { node, figures } = readStats(bytes)
        const who = node === undefined ? identity : identify(decode('envoy.config.core.v3.Node', node))
        if (who === undefined) fail(status.INVALID_ARGUMENT, 'the first message names no node')
        else if ('code' in who) fail(status[who.code], who.message)
        else {
          const denial = denied(who.gateway)
          if (denial !== undefined) return fail(status[denial.code], denial.message)
          identity = who
          onFigures(identity, figures, since)
          since = performance.now()
        }
      } catch (error) {
        fail(status.INVALID_ARGUMENT, `this is no message of stats: ${messageOf(error)}`)
      }
    })
    call.on('end', () => {
      if (endings.delete(end)) answer(null, Buffer.alloc(0))
    })
    call.on('cancelled', () => endings.delete(end))
    call.on('error', () => endings.delete(end))
  }

  return {
    serve,
    /** Ends all streams; their Envoys open others elsewhere. */
    endAll(): void {
      for (const end of [...endings]) end()
    },
  }
}
