import { randomBytes } from 'node:crypto'
import { Server, ServerCredentials, type ServiceDefinition, status } from '@grpc/grpc-js'
import { silenceGrpc } from '../envoy-api/grpc-logging.ts'
import { service } from '../envoy-api/protos.ts'
import { messageOf, startupError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import type { AdsRequest, AdsResponse } from './answer.ts'
import { bounds } from './bounds.ts'
import {
  createDeliveries,
  type Delivery,
  type DeliveryQuestion,
  deliveryOf,
  type WaitOptions,
} from './delivery.ts'
import { type DeltaRequest, type DeltaResponse, DeltaStream } from './delta.ts'
import { Fleet, type FleetItem, type StreamPlace } from './fleet.ts'
import { Gateways } from './gateways.ts'
import { grows } from './growth.ts'
import { Memories } from './memories.ts'
import { type RetryClock, systemClock } from './retry.ts'
import type { HeldBack } from './rollout.ts'
import { type ConfigQuestion, type ServedConfig, servedConfig } from './served-config.ts'
import type { Snapshot } from './snapshot.ts'
import { type SotwRequest, type SotwResponse, SotwStream } from './sotw.ts'
import { type Standing, standing } from './standing.ts'
import { createStatsService, metricsService, type OnFigures } from './stats-service.ts'
import { type AdsCall, type Carrier, serveStream } from './stream.ts'
import { Versions } from './versions.ts'
import { encodeDeltaResponse, encodeSotwResponse } from './wire.ts'

/** What others may ask about the fleet. */
export interface FleetView {
  list(): FleetItem[]
  /** Where each Envoy with a live stream is. */
  places(): StreamPlace[]
  /** The Envoys of a gateway as a rollout looks at them. */
  standing(gateway: string): Standing[]
  /** Calls back whenever an Envoy's stream begins or ends. */
  follow(listener: () => void): void
  /** What a connected Envoy is served; nothing where no such one is connected. */
  config(question: ConfigQuestion): ServedConfig | undefined
  /** How far a revision got, as of now. */
  settled(question: DeliveryQuestion): Delivery
  /** The same, once it is no longer `pending` (or the time is up). */
  whenDelivered(question: DeliveryQuestion, options?: WaitOptions): Promise<Delivery>
}

export interface XdsServer {
  readonly fleet: FleetView
  /**
   * The gateway's Envoys converge to `snapshot`. A revision that changes nothing of a gateway is published as
   * well, so that receipts can tell that the gateway has it. Those that a rollout has not come to get what is `held`.
   */
  publish(snapshot: Snapshot, held?: HeldBack): void
  /** The gateway was deleted in `revision`: its Envoys are emptied but stay; new ones are refused. */
  retire(gateway: string, revision: number): void
  /**
   * The gateway's Envoys get once more, one after the other, what they refused, instead of when its back-off is
   * over: for a client that waits, or that wrote the same again because it removed the cause. Until they answered,
   * their state is `pending`, from the return of this call on.
   */
  retry(gateway: string): void
  /** Every gateway has been published; Envoys of others, held until now, are refused. */
  markLoaded(): void
  /** Calls back with what Envoys say of the requests that they answered. */
  onFigures(listener: OnFigures): void
  /** Binds `host:port` (port 0: any) and serves; rejects with a startup `WeirError`. */
  listen(hostAndPort: string): Promise<{ address: string; port: number }>
  /** Ends every stream, so that Envoys connect elsewhere; after `graceMs` what is left is cut. */
  close(graceMs: number): Promise<void>
}

export interface XdsOptions {
  readonly observe: Observe
  readonly clock?: RetryClock
  /** What the names of all streams may take, in bytes. */
  readonly bytesOfStreams?: number
}

const keepalive = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
}

/** An xDS server: aggregated discovery over gRPC for the Envoys of any number of gateways. */
export function createXdsServer(options: XdsOptions): XdsServer {
  const { observe, clock = systemClock, bytesOfStreams = bounds.bytesOfStreams } = options
  const deliveries = createDeliveries(() => fleet)
  const fleet: Fleet = new Fleet(clock.now, deliveries.noteChange)
  const gateways = new Gateways()
  const memories = new Memories(clock)
  const taken = { bytes: 0, limit: bytesOfStreams }
  const endings = new Set<() => void>()
  const instance = randomBytes(6).toString('base64url')
  const followers: OnFigures[] = []
  const stats = createStatsService((...told) => {
    for (const follower of followers) follower(...told)
  })
  let streams = 0
  silenceGrpc()

  const server = new Server({
    ...keepalive,
    'grpc.max_receive_message_length': bounds.requestBytes,
    'grpc.max_concurrent_streams': bounds.streamsPerConnection,
  })
  server.addService(aggregatedDiscovery(), {
    DeltaAggregatedResources: serve(deltaCarrier),
    StreamAggregatedResources: serve(sotwCarrier(new Versions())),
  })

  server.addService(metricsService, stats)

  function serve<Request extends AdsRequest, Response extends AdsResponse>(
    carrier: Carrier<Request, Response>,
  ) {
    return (call: AdsCall<Request>) => {
      if (endings.size >= bounds.streams) {
        const details = `this weir serves at most ${bounds.streams} streams`
        call.emit('error', { code: status.RESOURCE_EXHAUSTED, details })
        return
      }
      const noncePrefix = `${instance}.${++streams}.`
      const shared = { gateways, fleet, memories, taken, observe, clock, noncePrefix }
      const end = serveStream(call, carrier, shared)
      endings.add(end)
      call.on('cancelled', () => endings.delete(end))
    }
  }

  return {
    fleet: {
      list: () => fleet.list(),
      places: () => fleet.places(),
      standing: (gateway) => standing(fleet, gateways, gateway),
      follow: (listener) => fleet.follow(listener),
      config: (question) => servedConfig(fleet, question),
      settled: (question) => deliveryOf(fleet, question),
      whenDelivered: deliveries.whenDelivered,
    },
    publish: (snapshot, held) => {
      noteGrowing(memories, snapshot)
      if (held !== undefined) noteGrowing(memories, held.base)
      gateways.publish(snapshot, held)
    },
    retire: (gateway, revision) => gateways.retire(gateway, revision),
    retry: (gateway) => gateways.retry(gateway),
    markLoaded: () => gateways.markLoaded(),
    onFigures: (listener) => void followers.push(listener),
    listen: (hostAndPort) => listen(server, hostAndPort),
    close: (graceMs) => close(server, endings, graceMs),
  }
}

/** An Envoy may come back with it from another replica, and need steps from there to the next version. */
function noteGrowing({ recent }: Memories, { resources }: Snapshot): void {
  for (const [type, byName] of resources) {
    if (grows(type)) for (const resource of byName.values()) recent.note(resource)
  }
}

const deltaCarrier: Carrier<DeltaRequest, DeltaResponse> = {
  protocol: 'delta',
  open: (snapshot, memory, noncePrefix) => new DeltaStream(snapshot, memory, noncePrefix),
  encode: encodeDeltaResponse,
}

function sotwCarrier(versions: Versions): Carrier<SotwRequest, SotwResponse> {
  return {
    protocol: 'sotw',
    open: (snapshot, memory, noncePrefix) => new SotwStream(snapshot, memory, versions, noncePrefix),
    encode: encodeSotwResponse,
  }
}

/** The ADS service, whose responses arrive here as bytes. */
function aggregatedDiscovery(): ServiceDefinition {
  const definition = service('envoy.service.discovery.v3.AggregatedDiscoveryService')
  const inBytes = { responseSerialize: (message: Buffer) => message }
  return {
    DeltaAggregatedResources: { ...definition.DeltaAggregatedResources!, ...inBytes },
    StreamAggregatedResources: { ...definition.StreamAggregatedResources!, ...inBytes },
  }
}

function listen(server: Server, hostAndPort: string): Promise<{ address: string; port: number }> {
  return new Promise((resolve, reject) => {
    server.bindAsync(hostAndPort, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) {
        resolve({ address: hostAndPort.slice(0, hostAndPort.lastIndexOf(':')), port })
        return
      }
      const what = `xDS cannot listen on ${hostAndPort}: ${messageOf(error)}.`
      reject(startupError(what, 'Set WEIR_XDS_ADDR to a free address.', error))
    })
  })
}

function close(server: Server, endings: Iterable<() => void>, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      server.forceShutdown()
      resolve()
    }, graceMs)
    // Announced first (GOAWAY), so that no Envoy opens its next stream on this connection.
    server.tryShutdown(() => {
      clearTimeout(cut)
      resolve()
    })
    for (const end of [...endings]) end()
  })
}
