import type { EncodedResource } from '../envoy-api/encoded.ts'
import { readable } from '../envoy-api/readable.ts'
import type { Message } from '../envoy-api/types.ts'

export interface ChangedResource {
  type: string
  name: string
}

/** Resources of one gateway's Envoys that a change adds, changes and removes, by the short names of their types. */
export interface ResourceChange {
  added: ChangedResource[]
  changed: ChangedResource[]
  removed: ChangedResource[]
}

/** What goes to an Envoy before all that follows. */
export interface PlanStep {
  /** `send`: what is new and changed; `remove`: what nothing names any more; `swap`: both in one response. */
  does: 'send' | 'swap' | 'remove'
  resources: ChangedResource[]
}

/**
 * Make before break, as `xds/order.ts` decides it anew each time for one stream; a test holds the two together. Secrets
 * are named by clusters and listeners alone, so that they may go before extensions and routes are done.
 */
const order: readonly { does: PlanStep['does']; types: readonly string[] }[] = [
  { does: 'send', types: ['cluster', 'endpoints', 'secret'] },
  { does: 'send', types: ['extension'] },
  { does: 'swap', types: ['listener'] },
  { does: 'swap', types: ['route'] },
  { does: 'remove', types: ['extension'] },
  { does: 'remove', types: ['cluster', 'endpoints'] },
  { does: 'remove', types: ['secret'] },
]

/** The steps in which an Envoy that is up to date gets a change; those that have nothing are left out. */
export function stepsOf({ added, changed, removed }: ResourceChange): PlanStep[] {
  return order
    .map(({ does, types }) => {
      const all =
        does === 'send'
          ? [...added, ...changed]
          : does === 'remove'
            ? removed
            : [...added, ...changed, ...removed]
      return { does, resources: types.flatMap((type) => all.filter((each) => each.type === type)) }
    })
    .filter(({ resources }) => resources.length > 0)
}

/** How a listener lets go of connections that it has. */
export interface Drain {
  listener: string
  /**
   * `removed`: all of them; `replaced`: all of them, by a new listener on the address; `filter_chains`: those of the
   * filter chains that changed, the rest is left alone.
   */
  how: 'removed' | 'replaced' | 'filter_chains'
}

/**
 * What a changed or removed listener drains (Envoy docs: configuration/listeners/lds, "Update listener filter chain").
 * One whose filter chains only become more keeps every connection.
 */
export function drainOf(before: EncodedResource, after: EncodedResource | undefined): Drain | undefined {
  const listener = before.name
  if (after === undefined) return { listener, how: 'removed' }
  const [old, present] = [partsOf(before), partsOf(after)]
  if (old.rest !== present.rest) return { listener, how: 'replaced' }
  const kept = new Set(present.chains)
  return old.chains.every((chain) => kept.has(chain)) ? undefined : { listener, how: 'filter_chains' }
}

function partsOf(resource: EncodedResource): { rest: string; chains: string[] } {
  const {
    filter_chains = [],
    default_filter_chain,
    ...rest
  } = readable(resource) as Message & {
    filter_chains?: unknown[]
  }
  const fallback = default_filter_chain === undefined ? [] : [{ default_filter_chain }]
  return {
    rest: JSON.stringify(rest),
    chains: [...filter_chains, ...fallback].map((chain) => JSON.stringify(chain)),
  }
}
