import { unknownPlaceholders } from '../../model/denied-response.ts'
import type { Document } from '../../model/document.ts'
import type { Warning } from '../../model/pending.ts'
import type { State } from '../../model/state.ts'
import { escapePointer } from '../../model/walk.ts'
import { idleNumbers } from './idle-numbers.ts'
import { shieldWarnings } from './local/warnings.ts'
import { alternatingTimes } from './one-counter.ts'
import type { RateLimitSpec } from './schema.ts'

type Told = Omit<Warning, 'kind' | 'name'>

/** What a policy allows its clients, or says to nobody, that is most likely not meant. */
export function warnings({ kind, name, spec }: Document, state: State): Warning[] {
  const policy = spec as RateLimitSpec
  return [
    ...idleNumbers(policy, state),
    ...alternatingTimes(policy),
    ...evasion(policy),
    ...chosenAddress(policy),
    ...chosenCost(policy),
    ...shadowShare(policy),
    ...shieldWarnings(policy),
    ...noPlaceholders(policy),
  ].map((told) => ({ kind, name, ...told }))
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

/** Headers in which those who forward a request say from where they have it. */
const addressHeaders = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'x-client-ip', 'true-client-ip']

function chosenAddress({ key }: RateLimitSpec): Told[] {
  return key.flatMap(({ header }, index) => {
    if (header === undefined || !addressHeaders.includes(header)) return []
    const message = `every client may write "${header}"`
    const effect = 'clients choose what they are counted by; client_ip is the address that they come from'
    return [{ pointer: `/spec/key/${index}/header`, message, effect }]
  })
}

function chosenCost({ cost }: RateLimitSpec): Told[] {
  if (typeof cost !== 'object') return []
  const message = `every client may write "${cost.header}"`
  return [{ pointer: '/spec/cost', message, effect: 'clients choose what their requests count, at least 1' }]
}

function shadowShare({ mode, percent = 100 }: RateLimitSpec): Told[] {
  if (mode !== 'shadow' || percent === 100) return []
  const message = '"percent" changes nothing beside "mode: shadow"'
  return [{ pointer: '/spec/percent', message, effect: 'the policy is enforced for no key' }]
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
