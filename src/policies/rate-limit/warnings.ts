import { unknownPlaceholders } from '../../model/denied-response.ts'
import type { Document } from '../../model/document.ts'
import type { Warning } from '../../model/pending.ts'
import { find, type State } from '../../model/state.ts'
import { escapePointer } from '../../model/walk.ts'
import type { RateLimitSpec } from './schema.ts'

type Told = Omit<Warning, 'kind' | 'name'>

/** What a policy allows its clients, or says to nobody, that is most likely not meant. */
export function warnings({ kind, name, spec }: Document, state: State): Warning[] {
  const policy = spec as RateLimitSpec
  return [
    ...unknownCallers(policy, state),
    ...evasion(policy),
    ...chosenCost(policy),
    ...noPlaceholders(policy),
  ].map((told) => ({ kind, name, ...told }))
}

/** Plans and consumers are values here, not references: one that does not exist (yet) is allowed, and told. */
function unknownCallers({ plans = {}, overrides = [] }: RateLimitSpec, state: State): Told[] {
  const told = (pointer: string, what: 'Plan' | 'Consumer', value: string): Told[] => {
    if (find(state, what, value) !== undefined) return []
    return [{ pointer, message: `there is no ${what}/${value}`, effect: 'these numbers are for nobody' }]
  }
  return [
    ...Object.keys(plans).flatMap((plan) => told(`/spec/plans/${escapePointer(plan)}`, 'Plan', plan)),
    ...overrides.flatMap(({ match: { consumer, plan } }, index) => {
      const pointer = `/spec/overrides/${index}/match`
      if (typeof consumer === 'string') return told(`${pointer}/consumer`, 'Consumer', consumer)
      return typeof plan === 'string' ? told(`${pointer}/plan`, 'Plan', plan) : []
    }),
  ]
}

/** Parts that are of every request. */
const always = ['constant', 'client_ip', 'path', 'method', 'route']

function evasion({ onMissing, key }: RateLimitSpec): Told[] {
  if (onMissing !== 'skip') return []
  const parts = key.flatMap((part) => Object.entries(part)).filter(([kind]) => !always.includes(kind))
  if (parts.length === 0) return []
  const named = parts.map(([kind, name]) => (name === true ? kind : `${kind} ${name}`))
  const message = `requests without ${named.join(' or ')} are not limited`
  return [{ pointer: '/spec/onMissing', message, effect: 'leaving it out evades the limit' }]
}

function chosenCost({ cost }: RateLimitSpec): Told[] {
  if (typeof cost !== 'object') return []
  const message = `every client may write "${cost.header}"`
  return [{ pointer: '/spec/cost', message, effect: 'clients choose what their requests count, at least 1' }]
}

function noPlaceholders({ response: { headers = {}, body = '' } = {} }: RateLimitSpec): Told[] {
  const texts = [
    ...Object.entries(headers).map(([name, value]) => [`headers/${escapePointer(name)}`, value] as const),
    ['body', body] as const,
  ]
  return texts.flatMap(([place, text]) =>
    unknownPlaceholders(text).map((name) => ({
      pointer: `/spec/response/${place}`,
      message: `{${name}} stands for nothing`,
      effect: 'clients get it as it is written',
    })),
  )
}
