import { startValkey } from '../../test/support/valkey.ts'
import type { References } from '../references.ts'
import { head, row } from '../table.ts'
import { judged, type Result } from './goals.ts'
import { type Measured, measure } from './measure.ts'
import { isAsked, options } from './options.ts'
import type { Service } from './service.ts'
import { type Load, startLimitador, startReference, startWeir } from './services.ts'

const transports = ['grpc-js', 'http2', 'lane'] as const

/** Decisions that are asked for directly, over two connections with 64 calls in flight on each. */
export async function direct(references: References): Promise<void> {
  head(
    ...['', 'store', 'policies', 'keys', 'CPU a decision, us', 'of it the store', 'decisions/s'],
    ...['p50 ms', 'p99 ms', 'RSS MiB', "load's core", 'goal'],
  )
  for (const policies of options.policies) {
    for (const keys of options.keys) {
      const load = { policies, keys }
      const reference = await overValkey(references, load)
      await inMemory(references, load)
      for (const transport of options.stores.includes('valkey') ? transports : []) {
        await withValkey((valkey) =>
          one(transport, 'valkey', load, () => startWeir(transport, load, valkey), reference),
        )
      }
    }
  }
}

async function inMemory({ limitador }: References, load: Load): Promise<void> {
  if (!options.stores.includes('memory')) return
  const reference =
    limitador === undefined
      ? undefined
      : await one('Limitador', 'memory', load, () => startLimitador(limitador, load))
  for (const transport of transports) {
    await one(transport, 'memory', load, () => startWeir(transport, load), reference)
  }
}

function overValkey({ envoyproxy }: References, load: Load): Promise<Measured | undefined> {
  if (!options.stores.includes('valkey') || envoyproxy === undefined) return Promise.resolve(undefined)
  return withValkey((valkey) =>
    one('envoyproxy/ratelimit', 'valkey', load, () => startReference(envoyproxy, valkey)),
  )
}

async function withValkey<T>(
  work: (valkey: Awaited<ReturnType<typeof startValkey>>) => Promise<T>,
): Promise<T> {
  const valkey = await startValkey()
  try {
    return await work(valkey)
  } finally {
    await valkey.stop()
  }
}

async function one(
  name: string,
  store: Result['store'],
  load: Load,
  start: () => Promise<Service>,
  reference?: Measured,
): Promise<Measured | undefined> {
  if (!isAsked(name)) return undefined
  const service = await start()
  try {
    const measured = await measure(service, load, options)
    if (measured.overLimit > 0) throw new Error(`${name} refused ${measured.overLimit} requests`)
    const { cpu, perSecond, p50, p99, rss, ownShare } = measured
    row(
      ...[name, store, load.policies, load.keys, (cpu.service + cpu.store).toFixed(1), cpu.store.toFixed(1)],
      ...[perSecond.toFixed(0), p50.toFixed(2), p99.toFixed(2), rss.toFixed(0), ownShare.toFixed(2)],
      name === 'lane' ? judged({ store, measured, reference }) : '',
    )
    return measured
  } finally {
    await service.stop()
  }
}
