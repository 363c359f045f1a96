import { type DestinationStream, pino } from 'pino'
import type { Event, Observe } from '../observe.ts'
import { throttleCuts } from './throttle.ts'

/** How loud an event is; what is not named is `debug`. */
const levels: Partial<Record<Event['event'], 'info' | 'warn' | 'error'>> = {
  ready: 'info',
  child_started: 'info',
  child_adopted: 'info',
  child_cleared: 'info',
  child_stopped: 'info',
  child_exited: 'warn',
  migrated: 'info',
  revision_written: 'info',
  compacted: 'info',
  secrets_rotated: 'info',
  store_unavailable: 'warn',
  store_recovered: 'info',
  row_unreadable: 'error',
  secret_unreadable: 'error',
  held_back: 'error',
  quarantined: 'error',
  quarantine_disputed: 'warn',
  quarantine_given_up: 'warn',
  counters_full: 'warn',
  counters_saved: 'info',
  counters_restored: 'info',
  counter_store_rung: 'warn',
  counters_merged: 'info',
  counters_not_merged: 'warn',
  clocks_differ: 'warn',
  counters_kept: 'info',
  counters_not_kept: 'warn',
  replicas_changed: 'info',
  breaker_moved: 'warn',
  breaker_outcomes_dropped: 'warn',
  failed_open: 'warn',
  endpoints_kept: 'warn',
  endpoints_let_go: 'warn',
  envoys_announced: 'info',
  rollout_driver: 'info',
  rollout_moved: 'info',
  address_ignored: 'warn',
  lane_cut: 'warn',
  xds_connected: 'info',
  xds_disconnected: 'info',
  xds_refused: 'warn',
  xds_tls_renewed: 'info',
  xds_tls_unusable: 'error',
  xds_open: 'warn',
  xds_nack: 'error',
  stopping: 'info',
  failed: 'error',
}

/** Writes events as JSON lines; errors keep their stack here and nowhere else. */
export function logObserver(destination: DestinationStream, level: string): Observe {
  const logger = pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime }, destination)
  return throttleCuts(({ event, ...fields }) => {
    if (event === 'step') return
    const { error, ...rest } = fields as { error?: unknown }
    const seen =
      error instanceof Error ? { ...rest, err: error } : error === undefined ? rest : { ...rest, error }
    logger[levels[event] ?? 'debug'](seen, event)
  })
}
