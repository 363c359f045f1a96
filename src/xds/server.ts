import { randomBytes } from 'node:crypto'
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js'
import { silenceGrpc } from '../envoy-api/grpc-logging.ts'
import { service } from '../envoy-api/protos.ts'
import { messageOf, startupError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import type { AdsRequest, AdsResponse, Verdict } from './answer.ts'
import { bounds } from './bounds.ts'
import type { AdsCall, Carrier } from './carrier.ts'
import type { StreamPlace } from './connected.ts'
import {
  createDeliveries,
  type Delivery,
  type DeliveryQuestion,
  deliveryOf,
  type WaitOptions,
} from './delivery.ts'
import { type DeltaRequest, type DeltaResponse, DeltaStream } from './delta.ts'
import { createDoor, type Door, type TlsMaterial } from './door.ts'
import type { Deviation } from './drift.ts'
import { Others } from './elsewhere.ts'
import { Entrance } from './entrance.ts'
import { Fleet } from './fleet.ts'
import type { FleetItem } from './fleet-item.ts'
import { FleetRecord } from './fleet-record.ts'
import { Gateways } from './gateways.ts'
import { noteGrowing } from './growth.ts'
import { HalfRead } from './half-read.ts'
import { Memories } from './memories.ts'
import { Pace } from './pace.ts'
import { expired, type Passes } from './pass.ts'
import { atTime, type RetryClock, systemClock } from './retry.ts'
import type { RolloutBase } from './rollout.ts'
import { type RolloutEnvoy, rolloutEnvoys } from './rollout-envoys.ts'
import { Rooms } from './room.ts'
import { type ConfigQuestion, type ServedConfig, servedConfig } from './served-config.ts'
import type { Snapshot } from './snapshot.ts'
import { type SotwRequest, type SotwResponse, SotwStream } from './sotw.ts'
import { createStatsService, metricsService, type OnStats } from './stats-service.ts'
import { serveStream } from './stream.ts'
import type { FleetNews } from './traveller.ts'
import { Versions } from './versions.ts'
import { encodeDeltaResponse, encodeSotwResponse, type WireMessage } from './wire.ts'

/** What others may ask about the fleet. */
export interface FleetView {
  list(): FleetItem[]
  /** Where each Envoy with a live stream is. */
  places(): StreamPlace[]
  /** The Envoys of a gateway as a rollout looks at them. */
  rolloutEnvoys(gateway: string): RolloutEnvoy[]
  /** Calls back whenever an Envoy's stream begins or ends. */
  follow(listener: () => void): void
  /** Calls back with what happens to each Envoy, in order. */
  watch(listener: (news: FleetNews) => void): void
  /** What a connected Envoy is served; nothing where no such one is connected. */
  config(question: ConfigQuestion): ServedConfig | undefined
  /** Whether any of a gateway's Envoys accepted this version of a resource; `type` is a URL. */
  accepted(gateway: string, type: string, name: string, version: string): boolean
  /** The connected Envoys of a gateway with this id, and where each has something else than it should. */
  drift(question: { gateway: string; id: string }): { peer: string; deviations: Deviation[] }[]
  /** How far a revision got, as of now. */
  settled(question: DeliveryQuestion): Delivery
  /** The same, once it is no longer `pending` (or the time is up). */
  whenDelivered(question: DeliveryQuestion, options?: WaitOptions): Promise<Delivery>
}

/** By what this replica tells others of its Envoys, and is told of theirs. */
export interface FleetShare {
  readonly record: FleetRecord
  readonly others: Others
  /** The gateway's Envoys at other replicas are not as they were. */
  changedElsewhere(gateway: string): void
}

export interface XdsServer {
  readonly fleet: FleetView
  /**
   * This replica, of that name, is one of several: the fleet is that of all from now on. Calls back whenever something
   * happens to an Envoy of this one.
   */
  share(replica: string, onChange: () => void): FleetShare
  /**
   * The gateway's Envoys converge to `snapshot`. A revision that changes nothing of a gateway is published as
   * well, so that receipts can tell that the gateway has it. Those that a rollout has not come to get the `base`.
   */
  publish(snapshot: Snapshot, base?: RolloutBase): void
  /** The gateway was deleted in `revision`: its Envoys are emptied but stay; new ones are refused. */
  retire(gateway: string, revision: number): void
  /**
   * The gateway's Envoys get once more, one after the other, what they refused, instead of when its back-off is
   * over: for a client that waits, or that wrote the same again because it removed the cause. Until they answered,
   * their state is `pending`, from the return of this call on.
   */
  retry(gateway: string): void
  /** Calls back whenever an Envoy accepted a response, or refused one resource. */
  judge(listener: (verdict: Verdict) => void): void
  /** Every gateway has been published; Envoys of others, held until now, are refused. */
  markLoaded(): void
  /** Calls back with what Envoys say of the requests that they answered, and of their clusters. */
  onStats(listener: OnStats): void
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
  let noteOwn = () => {}
  const fleet: Fleet = new Fleet(clock.now, (gateway) => {
    deliveries.noteChange(gateway)
    noteOwn()
  })
  const gateways = new Gateways()
  const memories = new Memories(clock)
  const rooms = new Rooms(bytesOfStreams)
  const halfRead = new HalfRead()
  const looking = setInterval(() => halfRead.look(clock.now()), bounds.halfReadLookMs)
  looking.unref()
  const pace = new Pace(clock)
  const endings = new Set<() => void>()
  const instance = randomBytes(6).toString('base64url')
  const followers: OnStats[] = []
  let streams = 0
  let judged = (_: Verdict) => {}
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

  const stats = createStatsService({
    denied: (call, gateway) => entrance.denies(call, gateway, clock.now()),
    onStats(...told) {
      for (const follower of followers) follower(...told)
    },
  })
  server.addService(metricsService, stats)

  function serve<Request extends AdsRequest, Response extends AdsResponse>(
    carrier: Carrier<Request, Response>,
  ) {
    return (call: AdsCall<Request>) => {
      const entered = entrance.enter(call)
      if (entered === undefined) return
      const { pass, budget, network } = entered
      const noncePrefix = `${instance}.${++streams}.`
      const taken = rooms.of(network)
      const tell = (verdict: Verdict) => judged(verdict)
      const parts = { gateways, fleet, memories, taken, budget, observe, judged: tell }
      const shared = { ...parts, clock, pace, pass, noncePrefix }
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
      rolloutEnvoys: (gateway) => rolloutEnvoys(fleet, gateways, gateway),
      follow: (listener) => fleet.follow(listener),
      watch: (listener) => fleet.watch(listener),
      config: (question) =>
        servedConfig(fleet, (gateway, node) => gateways.snapshotFor(gateway, node), question),
      accepted: (...resource) => fleet.accepted(...resource),
      drift: ({ gateway, id }) =>
        fleet
          .connected(gateway)
          .filter((envoy) => envoy.id === id && !envoy.isElsewhere)
          .map(({ peer, view }) => ({ peer, deviations: view.deviations?.() ?? [] })),
      settled: (question) => deliveryOf(fleet, question),
      whenDelivered: deliveries.whenDelivered,
    },
    share(replica, onChange) {
      const others = new Others((gateway) => fleet.here(gateway))
      fleet.share(replica, others)
      noteOwn = onChange
      return { record: new FleetRecord(fleet), others, changedElsewhere: deliveries.noteChange }
    },
    publish: (snapshot, base) => {
      const before = gateways.newest(snapshot.gateway)
      noteGrowing(memories.recent, before, snapshot)
      if (base !== undefined) noteGrowing(memories.recent, before, base.snapshot)
      gateways.publish(snapshot, base)
    },
    retire: (gateway, revision) => gateways.retire(gateway, revision),
    retry: (gateway) => gateways.retry(gateway),
    judge: (listener) => {
      judged = listener
    },
    markLoaded: () => gateways.markLoaded(),
    onStats: (listener) => void followers.push(listener),
    listen: (hostAndPort) => listen(door, hostAndPort),
    close: (graceMs) => {
      clearInterval(looking)
      door.close()
      return close(server, endings, graceMs)
    },
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

/** The ADS service, whose responses arrive here as bytes, as far as grpc-js looks at them (`WireMessage`). */
function aggregatedDiscovery(): ServiceDefinition {
  const definition = service('envoy.service.discovery.v3.AggregatedDiscoveryService')
  const inBytes = { responseSerialize: (message: WireMessage) => message as unknown as Buffer }
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
