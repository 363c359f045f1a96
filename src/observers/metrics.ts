import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Event, Observe } from '../observe.ts'
import { breakerInterpreters } from './breaker-metrics.ts'

export interface Metrics {
  observe: Observe
  /** The Prometheus text exposition of everything counted so far. */
  expose(): Promise<{ contentType: string; text: string }>
}

/** Values that are read when asked for, instead of being counted as they come: by the function that is here then. */
export interface Gauges {
  counters(): number
  connectedEnvoys(): number
  revision(): number
  /** Objects that are written and kept from the Envoys, since they refuse them. */
  heldRows(): number
}

/** Interprets events as Prometheus metrics. Labels have few values: never a key, a path or a client. */
export function createMetrics(gauges: Gauges): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const interpret = interpreters(registry)
  gauge(registry, 'weir_ratelimit_counters', 'Counters held in memory.', () => gauges.counters())
  gauge(registry, 'weir_xds_connected_envoys', 'Envoys connected to this replica.', () =>
    gauges.connectedEnvoys(),
  )
  gauge(registry, 'weir_revision', 'Revision that this replica serves.', () => gauges.revision())
  gauge(
    registry,
    'weir_quarantined_rows',
    'Objects that are written and held back from the Envoys, since Envoy refuses them.',
    () => gauges.heldRows(),
  )
  return {
    observe: (event) => interpret[event.event]?.(event as never),
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}

type Interpreters = { [E in Event as E['event']]?: (event: E) => void }

function interpreters(registry: Registry): Interpreters {
  const registers = [registry]
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers })
  const decisions = counter('weir_ratelimit_decisions_total', 'Decisions by policy.', [
    'gateway',
    'policy',
    'plan',
    'result',
  ])
  const unknown = counter(
    'weir_ratelimit_unknown_policy_total',
    'Descriptors of policies that are not there.',
    [],
  )
  const overflows = counter(
    'weir_ratelimit_overflow_total',
    'Hits that had to share a counter because the store was full.',
    ['policy'],
  )
  const decidedBy = counter(
    'weir_ratelimit_store_decisions_total',
    'Requests by who decided: the store, what it said of a key before (hot_key), the store and this replica’s share, or without the store a policy’s onStoreFailure.',
    ['by'],
  )
  const storeFailures = counter(
    'weir_ratelimit_store_failures_total',
    'Calls that the counter store did not answer in time or refused, by kind.',
    ['kind'],
  )
  const rungs = counter(
    'weir_ratelimit_store_changes_total',
    'Times that another came to decide, by who: store, joining or away.',
    ['rung'],
  )
  const merged = counter(
    'weir_ratelimit_merged_counters_total',
    'Counters whose requests of an outage were added to the store.',
    [],
  )
  const conflicts = counter(
    'weir_ratelimit_reserve_conflicts_total',
    'Requests across slots of a cluster that were refused for what others had reserved meanwhile.',
    [],
  )
  const overAdmission = new Gauge({
    name: 'weir_ratelimit_store_over_admission_ratio',
    help: 'Part of a limit that this replica may admit beyond it in one window now.',
    registers,
  })
  const replicas = new Gauge({
    name: 'weir_ratelimit_replicas',
    help: 'Replicas in the last record that is known.',
    registers,
  })
  const clocks = new Gauge({
    name: 'weir_ratelimit_clock_skew_seconds',
    help: 'By how much a clock of the counter store is ahead of this replica’s.',
    labelNames: ['node'],
    registers,
  })
  const clockErrors = new Gauge({
    name: 'weir_ratelimit_clock_skew_error_seconds',
    help: 'By how much the skew may be wrong: half of the round trip.',
    labelNames: ['node'],
    registers,
  })
  const storeCalls = new Histogram({
    name: 'weir_ratelimit_store_seconds',
    help: 'Time for which a request waited for the counter store.',
    labelNames: ['result'],
    buckets: [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05],
    registers,
  })
  const asked = counter(
    'weir_envoy_ratelimit_total',
    'Rate-limit requests of the Envoys that this weir runs, as they count them.',
    ['gateway', 'outcome'],
  )
  const sent = counter('weir_xds_resources_sent_total', 'Resources sent to Envoys.', ['gateway', 'type'])
  const bytes = counter('weir_xds_bytes_sent_total', 'Bytes of resources sent to Envoys.', [
    'gateway',
    'type',
  ])
  const acks = counter('weir_xds_acks_total', 'Responses that Envoys accepted.', ['gateway', 'type'])
  const xdsRefused = counter(
    'weir_xds_refused_total',
    'Connections and streams of xDS that were refused, by the rule that they met.',
    ['rule'],
  )
  const nacks = counter('weir_xds_nacks_total', 'Responses that Envoys refused.', ['gateway', 'type'])
  const rollouts = counter(
    'weir_rollout_changes_total',
    'Changes of rollouts that this replica made, by the state that they came to; each wave is one.',
    ['gateway', 'state'],
  )
  const revisions = counter('weir_revisions_written_total', 'Revisions written by this replica.', [])
  const outages = counter('weir_store_unavailable_total', 'Times that PostgreSQL could not be reached.', [])
  const exits = counter('weir_child_exits_total', 'Unexpected ends of supervised processes.', ['child'])
  const failures = counter('weir_failures_total', 'Unexpected errors; the log says where.', [])
  const cuts = counter(
    'weir_grpc_cut_connections_total',
    'Connections of the rate-limit service that were cut off, by the rule that they broke.',
    ['rule'],
  )
  const refused = counter(
    'weir_grpc_refused_streams_total',
    'Questions to the rate-limit service that were refused, by the rule that they met.',
    ['rule'],
  )
  const requests = new Histogram({
    name: 'weir_admin_request_seconds',
    help: 'Admin API requests by route.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers,
  })
  const compile = new Histogram({
    name: 'weir_compile_seconds',
    help: 'Time to compile one gateway.',
    buckets: [0.0005, 0.002, 0.01, 0.05, 0.2, 1, 5],
    registers,
  })
  return {
    ...breakerInterpreters(registry),
    decision: ({ gateway, policy, plan, result }) => decisions.inc({ gateway, policy, plan, result }),
    unknown_policy: () => unknown.inc(),
    counters_full: ({ policy }) => overflows.inc({ policy }),
    counter_store_decision: ({ by }) => decidedBy.inc({ by }),
    counter_store_call: ({ milliseconds, result }) =>
      storeCalls.observe({ result: result === 'answered' ? result : 'failed' }, milliseconds / 1000),
    counter_store_failed: ({ kind }) => storeFailures.inc({ kind }),
    counter_store_rung: ({ rung, overAdmission: ratio }) => {
      rungs.inc({ rung })
      overAdmission.set(ratio)
    },
    clock_read: ({ node, seconds, error }) => {
      clocks.set({ node }, seconds)
      clockErrors.set({ node }, error)
    },
    counters_merged: ({ counters }) => merged.inc(counters),
    reserve_conflict: () => conflicts.inc(),
    replicas_changed: ({ replicas: count }) => replicas.set(count),
    envoy_limited: ({ gateway, outcome, requests }) => asked.inc({ gateway, outcome }, requests),
    xds_sent: ({ gateway, type, resources, bytes: size }) => {
      sent.inc({ gateway, type }, resources)
      bytes.inc({ gateway, type }, size)
    },
    xds_ack: ({ gateway, type }) => acks.inc({ gateway, type }),
    xds_nack: ({ gateway, type }) => nacks.inc({ gateway, type }),
    rollout_moved: ({ gateway, state }) => rollouts.inc({ gateway, state }),
    xds_refused: ({ rule }) => xdsRefused.inc({ rule }),
    revision_written: () => revisions.inc(),
    store_unavailable: () => outages.inc(),
    child_exited: ({ child }) => exits.inc({ child }),
    lane_cut: ({ rule }) => cuts.inc({ rule }),
    lane_refused: ({ rule }) => refused.inc({ rule }),
    failed: () => failures.inc(),
    request: ({ method, route, status, milliseconds }) =>
      requests.observe({ method, route, status }, milliseconds / 1000),
    compiled: ({ milliseconds }) => compile.observe(milliseconds / 1000),
  }
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read())
    },
  })
}
