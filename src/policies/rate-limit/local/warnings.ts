import type { Warning } from '../../../model/pending.ts'
import type { RateLimitSpec } from '../schema.ts'

/** What a shield does not do that its writer may expect. */
export function shieldWarnings({
  shield,
  mode,
  percent = 100,
  response,
}: RateLimitSpec): Omit<Warning, 'kind' | 'name'>[] {
  if (shield === undefined) return []
  const pointer = '/spec/shield'
  if (mode === 'shadow' || percent < 100) {
    const message = `"shield" does nothing beside "${mode === 'shadow' ? 'mode: shadow' : `percent: ${percent}`}"`
    return [{ pointer, message, effect: 'it would refuse requests of keys that are in shadow' }]
  }
  if (response === undefined || Object.keys(response).length === 0) return []
  const message =
    '"response" is what the limit answers; what the shield refuses gets a 429 with a problem document'
  return [{ pointer: '/spec/response', message, effect: 'clients far beyond the limit see the other answer' }]
}
