import { type Breakers, createBreakers } from '../../src/breaker/breakers.ts'
import { createMemoryBreakerStore } from '../../src/breaker/stores/memory-store.ts'
import { breakersOf } from '../../src/compile/breakers.ts'
import { startAdmin, type TestAdmin } from './admin.ts'
import { clientsOf } from './breaker-requests.ts'

const documents = `
kind: OutlierDetectionPolicy
name: strict
spec: { breaker: { errorRate: 50, window: 10, open: 30s } }
---
kind: Cluster
name: shop
spec: { endpoints: [{ address: 127.0.0.1, port: 9001 }], outlierDetection: strict }
---
kind: Cluster
name: plain
spec: { endpoints: [{ address: 127.0.0.1, port: 9002 }], outlierDetection: none }
`

export interface BreakerAdmin extends TestAdmin, ReturnType<typeof clientsOf> {
  breakers: Breakers
  /** The store goes away, with why, or comes back. */
  away(why: string | undefined): void
}

/** An admin API over the clusters `shop`, which has a breaker, and `plain`, which has none. */
export async function startBreakerAdmin(): Promise<BreakerAdmin> {
  let trouble: string | undefined
  const breakers = createBreakers({
    store: createMemoryBreakerStore(() => Date.now() * 1_000),
    clocks: { wall: () => Date.now() * 1_000, monotonic: () => Math.floor(performance.now() * 1_000) },
    observe: () => {},
    timeoutMs: 100,
    trouble: () => trouble,
  })
  const warnings = () => (trouble === undefined ? [] : [`the store ${trouble}`])
  const admin = await startAdmin({ breakers: { ...breakers, warnings } })
  const { status, text } = await admin.call('POST', '/v1/apply', documents, {
    'content-type': 'application/yaml',
  })
  if (status !== 200) throw new Error(text)
  breakers.setBreakers(breakersOf(await admin.store.current()))
  return {
    ...{ ...admin, ...clientsOf(breakers), breakers },
    away(why) {
      trouble = why
    },
    async close() {
      await breakers.close()
      await admin.close()
    },
  }
}
