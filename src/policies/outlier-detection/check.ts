import type { Problem } from '../../errors.ts'
import { noOutlierDetection } from '../../model/cluster.ts'
import type { Document } from '../../model/document.ts'
import { milliseconds } from '../../model/duration.ts'
import { effective } from '../../model/effective.ts'
import { oneOf } from '../../model/one-of.ts'
import { respondProblems } from '../../model/route-action.ts'
import type { Breaker } from './breaker.ts'
import { type EffectiveOutlierDetection, OutlierDetectionSpec, ruleNames } from './schema.ts'

/** What the schema cannot say: a name that means something else, and fields that do nothing alone. */
export function check({ name, spec }: Document): Problem[] {
  const { consecutiveLocalOriginFailure, splitExternalLocalOriginErrors, ...others } =
    spec as OutlierDetectionSpec
  const { maxEjectionTime, breaker } = others
  const { ejectionTime } = effective<EffectiveOutlierDetection>(OutlierDetectionSpec, spec)
  const problems: Problem[] = []
  if (name === noOutlierDetection) {
    const message = '"none" is the built-in policy that ejects nobody'
    problems.push({ pointer: '/name', message, remedy: 'write another name' })
  }
  if (![...ruleNames, 'preset', 'breaker', 'panicThreshold'].some((field) => Object.hasOwn(spec, field))) {
    const remedy = 'write at least one rule, for example consecutive5xx or breaker'
    problems.push({ pointer: '/spec', message: 'the policy has no rule', remedy })
  }
  if (consecutiveLocalOriginFailure !== undefined && splitExternalLocalOriginErrors !== true) {
    const message = 'consecutiveLocalOriginFailure counts nothing without splitExternalLocalOriginErrors'
    const remedy = 'write splitExternalLocalOriginErrors: true, or use consecutive5xx, which counts them, too'
    problems.push({ pointer: '/spec/consecutiveLocalOriginFailure', message, remedy })
  }
  if (maxEjectionTime !== undefined && milliseconds(maxEjectionTime) < milliseconds(ejectionTime)) {
    const message = `maxEjectionTime is shorter than ejectionTime, which is ${ejectionTime}`
    problems.push({ pointer: '/spec/maxEjectionTime', message, remedy: 'write a longer one, or remove it' })
  }
  return [...problems, ...fallbackProblems(breaker)]
}

function fallbackProblems(breaker: Breaker | undefined): Problem[] {
  const fallback = breaker?.fallback
  if (fallback === undefined) return []
  const pointer = '/spec/breaker/fallback'
  return [
    ...oneOf(fallback, pointer, ['cluster', 'respond']),
    ...respondProblems(fallback.respond, `${pointer}/respond`),
  ]
}
