/**
 * The one order of HTTP filters in every connection manager. A policy kind says in which phase its filter acts,
 * never where it stands among the others; two filters of one phase keep the order of the list of kinds.
 */
export const phases = [
  'strip',
  'cors',
  'size',
  'local_limits_before_auth',
  'limits_before_auth',
  'authn',
  'authz',
  'validate',
  'local_limits',
  'limits',
  'delay',
  'concurrency',
  'breaker',
  'translate',
  'clean',
  'router',
] as const

export type Phase = (typeof phases)[number]

/** Position of a phase, for sorting. */
export function phaseOrder(phase: Phase): number {
  return phases.indexOf(phase)
}
