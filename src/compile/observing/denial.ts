import { metadataNamespace } from '../../policies/rate-limit/filters.ts'

/** What of the policy whose limit refused a request is told, in Envoy's substitution formats; nothing where none did. */
export const denial = {
  policy: format('policy'),
  plan: format('plan'),
  limit: format('limit'),
}

function format(key: string): string {
  return `%DYNAMIC_METADATA(${metadataNamespace}:${key})%`
}
