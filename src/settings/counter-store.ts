import { startupError } from '../errors.ts'
import { milliseconds } from '../model/duration.ts'
import { remedyAmong } from '../model/suggest.ts'
import { readRedisUrl } from '../ratelimit/stores/redis/url.ts'

const stores = ['memory', 'embedded', 'redis'] as const
const mostMs = 1_000

/** Where the counters are; `timeoutMs` is the longest that a decision waits for a store. */
export type CounterStoreSettings =
  | { kind: 'memory' }
  | { kind: 'embedded'; timeoutMs: number }
  | { kind: 'redis'; url: string; timeoutMs: number }

/**
 * The store of the counters, of REDIS_URL, WEIR_STORE and WEIR_STORE_TIMEOUT. Throws a start-up error, which shows no
 * password.
 */
export function counterStoreOf(
  values: Readonly<Record<string, string | undefined>>,
  replicas: number,
): CounterStoreSettings {
  const url = values.REDIS_URL?.trim() || undefined
  const otherwise = url !== undefined ? 'redis' : replicas > 1 ? 'embedded' : 'memory'
  const text = values.WEIR_STORE?.trim() || otherwise
  const kind = stores.find((each) => each === text)
  if (kind === undefined)
    throw startupError(`WEIR_STORE=${text} is not known:`, `${remedyAmong(text, stores)}.`)
  const timeoutMs = timeoutOf(values, kind === 'embedded' ? '50ms' : '10ms')
  if (url !== undefined) readRedisUrl(url)
  if (kind !== 'redis' && url !== undefined)
    throw startupError(
      `WEIR_STORE=${kind} and REDIS_URL contradict each other.`,
      'Unset one of them; an empty REDIS_URL is none.',
    )
  if (kind === 'memory' && replicas > 1)
    throw startupError(
      `WEIR_STORE=memory is one replica’s, and WEIR_REPLICAS is ${replicas}.`,
      'Leave WEIR_STORE out, or set REDIS_URL.',
    )
  if (kind !== 'redis') return kind === 'memory' ? { kind } : { kind, timeoutMs }
  if (url !== undefined) return { kind, url, timeoutMs }
  throw startupError('WEIR_STORE=redis needs REDIS_URL.', 'Write it as redis://user:password@host:6379.')
}

/** A Valkey beside everything else on one machine has to share its processors. */
function timeoutOf(values: Readonly<Record<string, string | undefined>>, otherwise: string): number {
  const text = values.WEIR_STORE_TIMEOUT?.trim() || otherwise
  const timeoutMs = /^[1-9][0-9]{0,3}(ms|s)$/.test(text) ? milliseconds(text) : Number.NaN
  if (timeoutMs <= mostMs) return timeoutMs
  throw startupError(
    `WEIR_STORE_TIMEOUT=${text} is not a duration of ${mostMs / 1_000} s at most.`,
    'Write it as 10ms; it has to be shorter than the gateways’ rateLimitService.timeout.',
  )
}
