import { startValkey, type Valkey } from '../../test/support/valkey.ts'
import type { References } from '../references.ts'
import { head, row } from '../table.ts'
import { measure } from './measure.ts'
import { isAsked, options } from './options.ts'
import { startWeir } from './services.ts'

/** What a closed breaker costs the service a request: a question before it, and a report after it. */
export async function breaker(_references: References): Promise<void> {
  head('', 'store', 'what', 'CPU a call, us', 'of it the store', 'calls/s', 'p50 ms', 'p99 ms')
  for (const transport of ['grpc-js', 'lane']) {
    if (!isAsked(transport)) continue
    if (options.stores.includes('memory')) await both(transport)
    if (!options.stores.includes('valkey')) continue
    const valkey = await startValkey()
    await both(transport, valkey).finally(valkey.stop)
  }
}

async function both(transport: string, valkey?: Valkey): Promise<void> {
  const load = { policies: 1, keys: 1 }
  for (const dialect of ['ask', 'report'] as const) {
    const service = await startWeir(transport, load, valkey)
    try {
      const { cpu, perSecond, p50, p99 } = await measure({ ...service, dialect }, load, options)
      row(
        ...[transport, valkey === undefined ? 'memory' : 'valkey', dialect],
        ...[(cpu.service + cpu.store).toFixed(1), cpu.store.toFixed(1), perSecond.toFixed(0)],
        ...[p50.toFixed(2), p99.toFixed(2)],
      )
    } finally {
      await service.stop()
    }
  }
}
