import type { EnvoyHealth, FleetHealth } from '../model/cluster-health.ts'
import { breakerText } from './breaker-text.ts'

/** Endpoints in number, with why those that get no requests do not. */
export function hostsText(hosts: NonNullable<EnvoyHealth['hosts']>): string {
  const { total, healthy, failedHealthCheck = 0, ejected, degraded, draining, excluded } = hosts
  const others = [
    [failedHealthCheck, 'failed'],
    [ejected, 'ejected'],
    [degraded, 'degraded'],
    [draining, 'draining'],
    [excluded, 'excluded'],
  ] as const
  const text = others.flatMap(([count, word]) => (count === 0 ? [] : [`${count} ${word}`])).join(', ')
  return `${healthy} of ${total} healthy${text === '' ? '' : ` (${text})`}`
}

/** What is amiss, a line for each cluster and Envoy, and for each breaker that is not closed. */
export function ailmentLines({ ailments, breakers, warnings, more, why }: FleetHealth): string[] {
  const lines = ailments.map(({ gateway, id, cluster, hosts, panic, figures }) => {
    const full = figures?.poolsFull ?? []
    const parts = [
      hosts === undefined ? '' : hostsText(hosts),
      panic === true ? 'panic, failing endpoints get requests' : '',
      full.length === 0 ? '' : `pool full: ${full.join(', ')}`,
    ]
    return `${gateway}/${id} ${cluster}: ${parts.filter((part) => part !== '').join('; ')}`
  })
  return [
    ...breakers.map((breaker) => `${breaker.cluster}: its circuit breaker is ${breakerText(breaker)}`),
    ...warnings.map(breakerDoubt),
    ...lines,
    ...(more > 0 ? [`and ${more} more: weir health <cluster>`] : []),
    ...(why === undefined ? [] : [`not all is known of clusters' health: ${why}`]),
  ]
}

/** Why a breaker may be in another state than what is shown. */
export function breakerDoubt(warning: string): string {
  return `not all is known of circuit breakers: ${warning}`
}

export function silentLines({ silent }: FleetHealth): string[] {
  return silent.map(({ gateway, id }) => `${gateway}/${id} tells nothing of its clusters' health now`)
}
