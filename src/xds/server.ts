import { randomBytes } from 'node:crypto'
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js'
import { silenceGrpc } from '../envoy-api/grpc-logging.ts'
import { service } from '../envoy-api/protos.ts'
import { messageOf, startupError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import type { AdsRequest, AdsResponse } from './answer.ts'
import { bounds } from './bounds.ts'
import type { AdsCall, Carrier } from './carrier.ts'
import {
  createDeliveries,
  type Delivery,
  type DeliveryQuestion,
  deliveryOf,
  type WaitOptions,
} from './delivery.ts'
import { type DeltaRequest, type DeltaResponse, DeltaStream } from './delta.ts'
import { createDoor, type Door, type TlsMaterial } from './door.ts'
import { Entrance } from './entrance.ts'
import { Fleet, type FleetItem, type StreamPlace } from './fleet.ts'
import { Gateways } from './gateways.ts'
import { grows } from './growth.ts'
import { HalfRead } from './half-read.ts'
import { Memories } from './memories.ts'
import { Pace } from './pace.ts'
import { expired, type Passes } from './pass.ts'
import { atTime, type RetryClock, systemClock } from './retry.ts'
import { Rooms } from './room.ts'
import { type ConfigQuestion, type ServedConfig, servedConfig } from './served-config.ts'
import type { Snapshot } from './snapshot.ts'
import { type SotwRequest, type SotwResponse, SotwStream } from './sotw.ts'
import { serveStream } from './stream.ts'
import { Versions } from './versions.ts'
import { encodeDeltaResponse, encodeSotwResponse } from './wire.ts'

/** What others may ask about the fleet. */
export interface FleetView {
  list(): FleetItem[]
  /** Where each Envoy with a live stream is. */
  places(): StreamPlace[]
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
   * well, so that receipts can tell that the gateway has it.
   */
  publish(snapshot: Snapshot): void
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
  /** Absent: plaintext. */
  readonly tls?: TlsSource | undefined
  /** Absent: whoever reaches the server may fetch everything. */
  readonly passes?: Passes | undefined
}

/** What the server's TLS is made of, which may change while it serves. */
export interface TlsSource {
  current(): TlsMaterial
  follow(listener: (material: TlsMaterial) => void): void
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
  const rooms = new Rooms(bytesOfStreams)
  const halfRead = new HalfRead()
  const looking = setInterval(() => halfRead.look(clock.now()), bounds.halfReadLookMs)
  looking.unref()
  const pace = new Pace(clock)
  const endings = new Set<() => void>()
  const instance = randomBytes(6).toString('base64url')
  let streams = 0
  silenceGrpc()

  const server = new Server({
    ...keepalive,
    'grpc.max_connection_idle_ms': bounds.idleConnectionMs,
    'grpc.max_receive_message_length': bounds.requestBytes,
    'grpc.max_concurrent_streams': bounds.streamsPerConnection,
  })
  const { injectConnection } = server.createConnectionInjector(ServerCredentials.createInsecure())
  const door = createDoor({ tls: options.tls?.current(), observe, enter: injectConnection })
  options.tls?.follow(door.renew)
  const entrance = new Entrance(options.passes, door, observe)
  server.addService(aggregatedDiscovery(), {
    DeltaAggregatedResources: serve(deltaCarrier),
    StreamAggregatedResources: serve(sotwCarrier(new Versions())),
  })

  function serve<Request extends AdsRequest, Response extends AdsResponse>(
    carrier: Carrier<Request, Response>,
  ) {
    return (call: AdsCall<Request>) => {
      const entered = entrance.enter(call)
      if (entered === undefined) return
      const { pass, budget, network } = entered
      const noncePrefix = `${instance}.${++streams}.`
      const taken = rooms.of(network)
      const shared = { gateways, fleet, memories, taken, budget, observe, clock, pace, pass, noncePrefix }
      const end = serveStream(call, carrier, shared)
      const stop = () => end('UNAVAILABLE', 'this weir is stopping; connect again')
      const keep = pass && atTime(clock, pass.until, () => end('UNAUTHENTICATED', expired(pass)))
      endings.add(stop)
      halfRead.add(call, network)
      call.on('cancelled', () => {
        endings.delete(stop)
        halfRead.delete(call)
        keep?.()
      })
    }
  }

  return {
    fleet: {
      list: () => fleet.list(),
      places: () => fleet.places(),
      follow: (listener) => fleet.follow(listener),
      config: (question) => servedConfig(fleet, (gateway) => gateways.snapshotOf(gateway), question),
      settled: (question) => deliveryOf(fleet, question),
      whenDelivered: deliveries.whenDelivered,
    },
    publish: (snapshot) => {
      noteGrowing(memories, snapshot)
      gateways.publish(snapshot)
    },
    retire: (gateway, revision) => gateways.retire(gateway, revision),
    retry: (gateway) => gateways.retry(gateway),
    markLoaded: () => gateways.markLoaded(),
    listen: (hostAndPort) => listen(door, hostAndPort),
    close: (graceMs) => {
      clearInterval(looking)
      door.close()
      return close(server, endings, graceMs)
    },
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

async function listen(door: Door, hostAndPort: string): Promise<{ address: string; port: number }> {
  const colon = hostAndPort.lastIndexOf(':')
  const address = hostAndPort.slice(0, colon)
  try {
    const port = Number(hostAndPort.slice(colon + 1))
    return { address, port: await door.listen(address.replace(/^\[(.*)\]$/, '$1'), port) }
  } catch (error) {
    const what = `xDS cannot listen on ${hostAndPort}: ${messageOf(error)}.`
    throw startupError(what, 'Set WEIR_XDS_ADDR to a free address.', error)
  }
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
