import type { Document } from '../../model/document.ts'
import { milliseconds } from '../../model/duration.ts'
import { effective } from '../../model/effective.ts'
import type { KeyPart, LimitNumbers, LimitOverride, LimitRule, RequestPart } from '../../model/limit-rule.ts'
import type { Numbers } from './numbers.ts'
import { type EffectiveRateLimit, RateLimitSpec } from './schema.ts'

/** What a policy means to the rate-limit service. */
export function limitRule({ name, spec }: Document): LimitRule {
  return ruleOf(name, effective<EffectiveRateLimit>(RateLimitSpec, spec))
}

const known = new WeakMap<EffectiveRateLimit, LimitRule>()

/** What a limit that each Envoy counts by itself has no field for. */
const unused: Pick<LimitRule, 'percent' | 'response' | 'xRateLimitHeaders' | 'onStoreFailure'> = {
  percent: 100,
  response: { status: 429, headers: {}, body: '' },
  xRateLimitHeaders: false,
  onStoreFailure: 'local',
}

/** The same of a spec with its defaults, made once however many routes have the policy. */
export function ruleOf(policy: string, spec: EffectiveRateLimit): LimitRule {
  const before = known.get(spec)
  if (before?.policy === policy) return before
  const rule = made(policy, { ...unused, ...spec })
  known.set(spec, rule)
  return rule
}

function made(policy: string, spec: EffectiveRateLimit): LimitRule {
  const {
    plans = {},
    overrides = [],
    onMissing,
    cost,
    mode,
    percent,
    response,
    xRateLimitHeaders,
    onStoreFailure,
  } = spec
  const { status, headers, body } = response
  return {
    policy,
    key: spec.key.map((part) => keyPart(part)),
    numbers: numbersOf(spec),
    plans: new Map(Object.entries(plans).map(([plan, numbers]) => [plan, numbersOf(spec, numbers)])),
    overrides: overrides.map((override) => ({
      ...matchOf(override.match),
      numbers: numbersOf(spec, override),
    })),
    onMissing,
    cost,
    mode,
    percent,
    response: { status, headers, body },
    xRateLimitHeaders,
    onStoreFailure,
  }
}

/** All numbers in force; what `other` leaves out is the policy's own. They must be those of the algorithm. */
export function numbersOf(
  spec: Numbers & Pick<RateLimitSpec, 'algorithm'>,
  other: Numbers = {},
): LimitNumbers {
  const { algorithm } = spec
  const { limit, window, capacity, refill, queue, rate } = { ...spec, ...other }
  switch (algorithm) {
    case 'fixed_window':
    case 'sliding_window':
      return { algorithm, limit: limit!, windowMs: milliseconds(window!) }
    case 'token_bucket':
      return {
        algorithm,
        capacity: capacity!,
        refill: { tokens: refill!.tokens, everyMs: milliseconds(refill!.every) },
      }
    case 'leaky_bucket':
      return {
        algorithm,
        queue: queue!,
        rate: { requests: rate!.requests, everyMs: milliseconds(rate!.every) },
      }
  }
}

type Written = RateLimitSpec['key'][number]
type Match = NonNullable<RateLimitSpec['overrides']>[number]['match']

/** A part of a key holds one field: the part's name, with what it is of, or `true`. */
export function keyPart(part: Written): KeyPart {
  const [[kind, value]] = Object.entries(part) as [[KeyPart['kind'], string | true]]
  if (kind === 'constant') return { kind, value: value as string }
  return (value === true ? { kind } : { kind, name: value }) as RequestPart
}

/** An override's match holds one field: the part's name, with a value, or with the name that the value is of. */
export function matchOf(match: Match): Pick<LimitOverride, 'part' | 'value'> {
  const [[kind, said]] = Object.entries(match) as [
    [RequestPart['kind'], NonNullable<Match['header' | 'path']>],
  ]
  if (!named.includes(kind)) return { part: { kind } as RequestPart, value: valueSaid(said as Value) }
  const [[name, value]] = Object.entries(said) as [[string, Value]]
  return { part: { kind, name } as RequestPart, value: valueSaid(value) }
}

type Value = NonNullable<Match['path']>

const named: readonly RequestPart['kind'][] = ['header', 'query', 'cookie', 'jwt_claim']

function valueSaid(value: Value): LimitOverride['value'] {
  return typeof value === 'string' ? { exact: value } : value
}
