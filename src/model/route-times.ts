import type { Problem } from '../errors.ts'
import type { Document } from './document.ts'
import { milliseconds } from './duration.ts'
import { effective } from './effective.ts'
import type { Warning } from './pending.ts'
import { effectiveRetry, retriesTimeouts } from './retry.ts'
import { type EffectiveRoute, RouteSpec } from './route-spec.ts'

const bounds = ['perTryTimeout', 'perTryIdleTimeout'] as const

/** What is over only after the whole request is, never is; Envoy would not say so. */
export function routeTimeProblems(spec: RouteSpec): Problem[] {
  const { timeout, retry } = effective<EffectiveRoute>(RouteSpec, spec)
  if (timeout === undefined || retry === undefined || milliseconds(timeout) === 0) return []
  return bounds.flatMap((field) => {
    const bound = retry[field]
    if (bound === undefined || milliseconds(bound) < milliseconds(timeout)) return []
    const message = `a try is never ended after ${bound}, since the whole request is after ${timeout}`
    const remedy = `write a ${field} shorter than ${timeout}, or a longer timeout`
    return [{ pointer: `/spec/retry/${field}`, message, remedy }]
  })
}

/** A try that is ended in order to make another one, and none is made. */
export function routeTimeWarnings({ kind, name, spec }: Document): Warning[] {
  const { retry } = spec as RouteSpec
  if (retry?.perTryTimeout === undefined || retriesTimeouts(effectiveRetry(retry))) return []
  const message = 'a try that runs into perTryTimeout is retried by the words 5xx and gateway_error alone'
  const effect = 'such a try is the last one, and the request is answered with 504'
  return [{ kind, name, pointer: '/spec/retry/on', message, effect }]
}
