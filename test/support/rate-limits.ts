import assert from 'node:assert/strict'
import type { TestEnvoy } from './envoy.ts'

/** A policy; a window of an hour meets its edge once in a blue moon. */
export function policy(name: string, spec: object): object {
  const defaults = { algorithm: 'fixed_window', limit: 3, window: '8784h', key: [{ constant: 'all' }] }
  return { kind: 'RateLimitPolicy', name, spec: 'algorithm' in spec ? spec : { ...defaults, ...spec } }
}

/** For gateways of tests: a decision of a busy machine may take longer than the default, after which requests pass. */
export const patient = { rateLimitService: { timeout: '5s' } }

/** No request passed because its decision was late or failed. */
export async function assertDecided(envoy: TestEnvoy): Promise<void> {
  const stats = Object.entries(await envoy.stats('ratelimit'))
  const named = (name: string) => stats.filter(([stat]) => stat.endsWith(`ratelimit.${name}`))
  const decided = [...named('ok'), ...named('over_limit')]
  assert.ok(decided.some(([, value]) => value > 0))
  for (const [stat, value] of [...named('error'), ...named('failure_mode_allowed')])
    assert.equal(value, 0, stat)
}
