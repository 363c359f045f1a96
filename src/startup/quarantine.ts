import { createQuarantine, type QuarantineControl } from '../control/quarantine.ts'
import type { QuarantineOptions } from '../control/quarantine-options.ts'
import type { Gauges } from '../observers/metrics.ts'
import { kinds } from '../policies/index.ts'
import type { QuarantineTable } from '../store/quarantine.ts'
import type { Store } from '../store/store.ts'
import type { StartContext } from './start-context.ts'

/** Keeps from the Envoys what they refuse; resolves once it is known what they refused before. */
export async function keepRefusals(
  { shutdown, observe }: Pick<StartContext, 'shutdown' | 'observe'>,
  { store, refusals }: { store: Pick<Store, 'secretTexts'>; refusals: QuarantineTable },
  parts: {
    xds: Pick<QuarantineOptions, 'fleet' | 'retry'> & { judge(listener: QuarantineControl['judge']): void }
    controller: QuarantineOptions['controller']
    gauges: Gauges
  },
): Promise<QuarantineControl> {
  const { xds, controller, gauges } = parts
  const quarantine = await createQuarantine({
    ...{ table: refusals, secretTexts: store.secretTexts, fleet: xds.fleet, controller, kinds, observe },
    ...{ retry: xds.retry, signal: shutdown.signal },
  })
  xds.judge(quarantine.judge)
  gauges.heldRows = () => quarantine.held().length
  shutdown.add('quarantine', quarantine.close)
  return quarantine
}
