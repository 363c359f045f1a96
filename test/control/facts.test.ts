import assert from 'node:assert/strict'
import { test } from 'node:test'
import { factsOf } from '../../src/control/health/facts.ts'
import { typeUrls } from '../../src/envoy-api/types.ts'
import { isInPanic } from '../../src/model/panic.ts'

const served = (policy?: object) => {
  const cluster: object = { common_lb_config: { healthy_panic_threshold: { value: 90 } } }
  const endpoints: object = { endpoints: [], ...(policy !== undefined && { policy }) }
  return new Map([
    [typeUrls.cluster, new Map([['shop', cluster]])],
    [typeUrls.endpoints, new Map([['shop', endpoints]])],
  ]) as Parameters<typeof factsOf>[0]
}

test('what the overprovisioning factor makes enough for all requests is no panic', () => {
  // 80 percent are healthy: enough by Envoy's usual factor of 140, too few by one of 100.
  const hosts = { total: 10, healthy: 8, degraded: 0, excluded: 0 }
  const panics = (policy?: object) => isInPanic(hosts, factsOf(served(policy), 'shop')!)
  assert.equal(panics(), false)
  assert.equal(panics({ overprovisioning_factor: { value: 140 } }), false)
  assert.equal(panics({ overprovisioning_factor: { value: 100 } }), true)
})
