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

/** What the bounds of a try do not do. */
export function routeTimeWarnings(document: Document): Warning[] {
  return [...endedForNothing(document), ...endlessHedges(document)]
}

/** A try that is ended in order to make another one, and none is made. */
function endedForNothing({ kind, name, spec }: Document): Warning[] {
  const { retry } = spec as RouteSpec
  const written = bounds.filter((field) => retry?.[field] !== undefined)
  if (retry === undefined || written.length === 0 || retriesTimeouts(effectiveRetry(retry))) return []
  const message = `a try that runs into ${written.join(' or ')} is retried by the words 5xx, gateway_error and reset alone`
  const effect = 'such a try is the last one, and the request is answered with 504'
  return [{ kind, name, pointer: '/spec/retry/on', message, effect }]
}

/** Envoy takes either bound of a try for the time to hedge, and ends no try by it, not even within its answer. */
function endlessHedges({ kind, name, spec }: Document): Warning[] {
  const { retry } = spec as RouteSpec
  if (retry?.hedgeOnPerTryTimeout !== true || retry.perTryIdleTimeout === undefined) return []
  const message = 'perTryIdleTimeout ends no try beside hedgeOnPerTryTimeout'
  const effect =
    'a try of which nothing comes for so long is hedged, too, and an answer that stalls goes on until the route’s timeout or idleTimeout'
  return [{ kind, name, pointer: '/spec/retry/perTryIdleTimeout', message, effect }]
}
