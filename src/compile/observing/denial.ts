import { accessFilter } from '../../policies/auth/filters.ts'
import { metadataNamespace } from '../../policies/rate-limit/filters.ts'
import { refuser } from '../routing/refusers.ts'

/**
 * What of the policy that refused a request is told, in Envoy's substitution formats; nothing where none did. Limits tell
 * it themselves, rules of access by the RBAC filter, and of all else the route knows who it can only be.
 */
export const denial = {
  policy: coalesce(
    ['DYNAMIC_METADATA', `${metadataNamespace}:policy`],
    ['DYNAMIC_METADATA', `${accessFilter}:enforced_effective_policy_id`],
    ['CEL', refuser],
  ),
  plan: format('plan'),
  limit: format('limit'),
}

function format(key: string): string {
  return `%DYNAMIC_METADATA(${metadataNamespace}:${key})%`
}

/** The first that there is. */
function coalesce(...operators: [command: string, param: string][]): string {
  const json = JSON.stringify({ operators: operators.map(([command, param]) => ({ command, param })) })
  return `%COALESCE(${json})%`
}
