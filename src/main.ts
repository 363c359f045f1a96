import { createAdmin, createHealthServer } from './admin/server.ts'
import type { ServiceAddress } from './compile/live.ts'
import { createController } from './control/controller.ts'
import { createDelivery } from './control/delivery.ts'
import { createDrift } from './control/drift/drift.ts'
import { foresee } from './control/foresight.ts'
import { createHeldLimits } from './control/held-limits.ts'
import { createReplicas, type Replicas } from './control/replicas.ts'
import { createRollouts } from './control/rollouts.ts'
import { explanationOf, messageOf, WeirError } from './errors.ts'
import { explain } from './explain/explain.ts'
import { createFeed } from './feed/feed.ts'
import { endChildrenNow } from './local/end-now.ts'
import { watchLimits } from './local/limit-watch.ts'
import { takeLock } from './local/lock.ts'
import type { Observe } from './observe.ts'
import { createMetrics, type Gauges, type Metrics } from './observers/metrics.ts'
import { kinds } from './policies/index.ts'
import { createRateLimitService, type RateLimitService } from './ratelimit/service.ts'
import { createTransport } from './ratelimit/transports/create-transport.ts'
import type { Keyring } from './secrets/keyring.ts'
import { createSecrets } from './secrets/secrets.ts'
import { doorsOf } from './settings/doors.ts'
import { readSettings } from './settings/settings.ts'
import { adminTokenOf } from './settings/token.ts'
import { adminUrlOf, driverOf, replicaName, rlsAddresses } from './startup/addresses.ts'
import { bind } from './startup/bind.ts'
import { guardXds } from './startup/guard-xds.ts'
import { serveHelp } from './startup/help.ts'
import { openKeyring } from './startup/keyring.ts'
import { firstLive } from './startup/live.ts'
import { localEnvoyOf, looksAt } from './startup/local-envoys.ts'
import { findLocalEnvoy, startEmbeddedPostgres, superviseEnvoys } from './startup/machine.ts'
import { both, createObservers } from './startup/observers.ts'
import { decideBoth, type OpenBreakers, openBreakers } from './startup/open-breakers.ts'
import { type Counters, openCounters } from './startup/open-counters.ts'
import { applyFirstDocuments, openStore } from './startup/open-store.ts'
import { createProgress } from './startup/progress.ts'
import { keepRefusals } from './startup/quarantine.ts'
import { serveQuickstart } from './startup/quickstart.ts'
import { readinessOf } from './startup/readiness.ts'
import { startReplicas } from './startup/replicas.ts'
import { shareFleet } from './startup/share-fleet.ts'
import { createShutdown } from './startup/shutdown.ts'
import type { StartContext } from './startup/start-context.ts'
import { openValidation } from './startup/validation.ts'
import { firstDelivery, welcome } from './startup/welcome.ts'
import { compactHourly } from './store/compaction-timer.ts'
import { quarantineChannel, replicasChannel, reportsChannel } from './store/locks.ts'
import type { QuarantineTable } from './store/quarantine.ts'
import type { Store } from './store/store.ts'
import { version } from './version.ts'
import { createXdsServer } from './xds/server.ts'

/** Runs `weir up` or `weir serve` until a signal; answers with the exit code. */
export async function main(argv: string[]): Promise<number> {
  const [command, ...args] = argv
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(serveHelp(command ?? 'up'))
    return 0
  }
  let observe: Observe = () => undefined
  let dataDir: string | undefined
  const shutdown = createShutdown(() => {
    if (dataDir !== undefined) endChildrenNow(dataDir)
  })
  try {
    const settings = readSettings(command === 'serve' ? 'serve' : 'up', args, process.env)
    const progress = createProgress(settings.command === 'up' ? process.stdout : process.stderr)
    const lock = await takeLock(settings.dataDir)
    shutdown.add('lock', lock.release)
    shutdown.onAsked(() => lock.describe({ state: 'stopping' }))
    dataDir = settings.dataDir
    observe = createObservers(settings, progress)
    const context = {
      supervised: settings.envoy === 'auto' && settings.roles.has('xds'),
      listenerAddress: settings.listenerAddress,
      doors: Object.values(doorsOf(settings)),
    }
    const parts = { settings, progress, observe, shutdown, context }
    const { adminUrl, store } = await start(parts)
    lock.describe({ admin: adminUrl })
    if (settings.command === 'up') await welcome(parts, store, adminUrl)
    observe({ event: 'ready', admin: adminUrl })
    await shutdown.asked
    observe({ event: 'stopping', reason: messageOf(shutdown.signal.reason) })
    progress.line(
      '\nStopping: requests under way have some seconds to finish; 15 s at most in all. Ctrl-C again ends at once.',
    )
    await shutdown.run(observe, settings.drainDelayMs)
    progress.line('Everything has ended.')
    return 0
  } catch (error) {
    const asked = shutdown.signal.aborted
    if (!asked) process.stderr.write(`weir: ${explanationOf(error)}\n`)
    await shutdown.run(observe)
    if (asked) return 0
    return error instanceof WeirError && error.code === 'usage' ? 2 : 1
  }
}

/** What every role has: what is written, and the service that decides about rate limits. */
interface Core {
  databaseUrl: string
  store: Store
  /** What Envoys refuse of what is written. */
  refusals: QuarantineTable
  counters: Counters
  ratelimit: RateLimitService
  breakers: OpenBreakers
  /** By which revision each rate-limit service answers. */
  replicas: Replicas
  /** The rate-limit services of this machine, as the Envoys reach them. */
  services: readonly ServiceAddress[]
  keyring: Keyring
  token: string
}

/**
 * Builds weir in the order in which data flows: store -> feed -> compile -> xDS and rate limits -> Envoy, with the
 * admin API before it. `shutdown` ends it in reverse.
 */
async function start(outer: StartContext): Promise<{ adminUrl: string; store: Store }> {
  const gauges: Gauges = { counters: () => 0, revision: () => 0, connectedEnvoys: () => 0, heldRows: () => 0 }
  const metrics = createMetrics(gauges)
  const parts = { ...outer, observe: both(outer.observe, metrics.observe) }
  const envoyBinary = outer.context.supervised ? await findLocalEnvoy(parts) : undefined
  const core = await openCore(parts)
  gauges.counters = core.counters.store.size
  return parts.settings.roles.has('xds')
    ? startControl(parts, core, { metrics, gauges, envoyBinary })
    : startDecider(parts, core, { metrics, gauges })
}

async function openCore(parts: StartContext): Promise<Core> {
  const { settings, shutdown, observe } = parts
  const databaseUrl = settings.databaseUrl ?? (await startEmbeddedPostgres(parts))
  const keyring = openKeyring(settings)
  const {
    store,
    quarantine: refusals,
    counterKey,
  } = await openStore(parts, databaseUrl, createSecrets({ kinds, keyring }))
  const counters = await openCounters(parts, counterKey)
  const ratelimit = createRateLimitService({
    ...{ store: counters.store, clock: counters.clock, key: counterKey, observe },
  })
  counters.keep(ratelimit)
  const breakers = openBreakers(parts, counters, counterKey)
  const token = adminTokenOf(settings.dataDir, settings.adminToken)
  const shared = { databaseUrl, storeUrl: counters.url, secretKeys: keyring.texts(), adminToken: token }
  const replicaPorts = await startReplicas(parts, shared)
  const serving = () => ratelimit.ready() && !shutdown.signal.aborted
  const { rlsTransport: how } = settings
  const rls = createTransport(how, {
    ...{ decide: decideBoth(ratelimit.decide, breakers.decide), serving, observe },
  })
  const port = settings.roles.has('ratelimit')
    ? await bind(parts, { ...doorsOf(settings).ratelimit, how }, rls)
    : undefined
  const services = rlsAddresses(settings, [...(port === undefined ? [] : [port]), ...replicaPorts])
  const replicas = await createReplicas({
    ...(port !== undefined && { own: { id: counters.replica, name: replicaName(settings.rlsAddr, port) } }),
    ...{ table: store.exchangeReplicas, counting: counters.replicas, observe },
  })
  shutdown.add('revision of this replica', replicas.close)
  return { databaseUrl, store, refusals, counters, ratelimit, breakers, replicas, services, keyring, token }
}

/** All of weir, but for the rate-limit service where that is no role of this process. */
async function startControl(
  parts: StartContext,
  core: Core,
  told: { metrics: Metrics; gauges: Gauges; envoyBinary: string | undefined },
): Promise<{ adminUrl: string; store: Store }> {
  const { settings, shutdown, observe, context } = parts
  const { databaseUrl, store, counters, ratelimit, breakers, replicas, services, token } = core
  const { metrics, gauges, envoyBinary } = told

  // What is written and runs on this machine.
  await applyFirstDocuments(parts, store)
  shutdown.add('compaction', compactHourly({ store, retention: settings.retention, observe }).stop)
  const upstream = await serveQuickstart({ state: await store.current(), dataDir: settings.dataDir, observe })
  if (upstream !== undefined) shutdown.add('echo upstream', upstream.stop)

  // The two sides that one compile feeds.
  const doors = doorsOf(settings)
  const guards = await guardXds(parts, core.keyring)
  const xds = createXdsServer({ observe, ...guards.server })
  const xdsPort = await bind(parts, { ...doors.xds, ...guards.how }, xds)
  const outlets = { ...xds, ...ratelimit, setBreakers: breakers.setBreakers }
  const controller = createController({ live: firstLive(settings, services), outlets, observe })
  gauges.revision = controller.revision
  gauges.connectedEnvoys = () => xds.fleet.places().length
  const { shared, hints } = await shareFleet(parts, { store, xds, xdsPort, controller })
  const rollouts = createRollouts({ table: store, controller, xds, observe, ...driverOf(settings, xdsPort) })
  shutdown.add('rollouts', rollouts.close)
  const quarantine = await keepRefusals(parts, core, { xds, controller, gauges })

  // The flow: each new state is compiled and handed on, and each gateway has its Envoy.
  const localEnvoys = envoyBinary === undefined ? undefined : superviseEnvoys(parts, envoyBinary, xdsPort)
  const feed = createFeed({
    url: databaseUrl,
    store,
    observe,
    onState(state, keys, staged, kept) {
      quarantine.apply(state, keys, staged, kept)
      rollouts.hint()
      xds.markLoaded()
      replicas.serves(state.revision)
      void localEnvoys?.reconcile(controller.gateways())
    },
    onExpired: controller.expire,
    others: {
      ...{ ...hints, [replicasChannel]: replicas.hint, [reportsChannel]: rollouts.hint },
      [quarantineChannel]: quarantine.hint,
    },
  })
  shutdown.add('feed', feed.close)
  if (localEnvoys !== undefined) {
    shutdown.add('local Envoys', localEnvoys.stop)
    shutdown.onAsked(localEnvoys.failHealth)
  }
  const limitWatch = localEnvoys === undefined ? undefined : watchLimits({ envoys: localEnvoys, observe })
  if (limitWatch !== undefined) shutdown.add('watch of the limits', limitWatch.stop)

  // The door.
  const expected = () => (localEnvoys === undefined ? [] : controller.gateways().map(localEnvoyOf))
  const known = { feed, fleet: xds.fleet, shared, controller, replicas, rollouts, quarantine, breakers }
  const desk = createDelivery({ ...known, retry: xds.retry, expected })
  const revision = controller.revision
  const loaded = () => revision() > 0 || feed.delivered()
  const readiness = () =>
    readinessOf(parts, counters.state, { feed, breakers, revision: revision(), loaded: loaded() })
  const validation = await openValidation(parts, { live: controller.live, asDelivered: quarantine.of })
  const looks = looksAt(localEnvoys, shared.name)
  const admin = createAdmin({
    ...validation,
    store,
    kinds,
    checkContext: context,
    token,
    observe,
    version,
    metrics: () => Promise.resolve(limitWatch?.look()).then(metrics.expose),
    fleet: xds.fleet.list,
    config: xds.fleet.config,
    ...{ panic: looks.panic, connections: looks.connections },
    drift: createDrift({ fleet: xds.fleet, dump: looks.dump }),
    ...desk,
    rollouts,
    heldBack: quarantine.held,
    explain: (question) => explain(controller.state(), question, ratelimit.explain),
    limits: ratelimit,
    breakers,
    decides: settings.roles.has('ratelimit'),
    counters: counters.state,
    ...foresee(controller.live, quarantine.of),
    readiness,
    ...guards.admin,
  })
  const adminUrl = adminUrlOf(settings, await bind(parts, doors.admin, admin))
  if (localEnvoys !== undefined) await firstDelivery(parts, store, desk.deliver)
  return { adminUrl, store }
}

/** The rate-limit service alone, with what balancers and Prometheus ask of it. It writes nothing but its revision. */
async function startDecider(
  parts: StartContext,
  core: Core,
  { metrics, gauges }: { metrics: Metrics; gauges: Gauges },
): Promise<{ adminUrl: string; store: Store }> {
  const { settings, shutdown, observe } = parts
  const { databaseUrl, store, refusals, counters, ratelimit, breakers, replicas, token } = core
  let revision = 0
  const outlets = { setLimits: ratelimit.setLimits, setBreakers: breakers.setBreakers }
  const limits = await createHeldLimits({ table: refusals, ...outlets, observe })
  gauges.revision = () => revision
  const feed = createFeed({
    url: databaseUrl,
    store,
    observe,
    onState(state, _keys, staged) {
      limits.serve(state, staged)
      revision = state.revision
      replicas.serves(revision)
    },
    others: { [quarantineChannel]: limits.hint },
  })
  shutdown.add('limits in force', limits.close)
  shutdown.add('feed', feed.close)
  const readiness = () =>
    readinessOf(parts, counters.state, { feed, breakers, revision, loaded: ratelimit.ready() })
  const told = { token, observe, version, metrics: metrics.expose, readiness, limits: ratelimit }
  const port = await bind(parts, doorsOf(settings).admin, createHealthServer(told))
  return { adminUrl: adminUrlOf(settings, port), store }
}
