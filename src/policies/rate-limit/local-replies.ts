import type { Message } from '../../envoy-api/types.ts'
import { metadataNamespace } from './filters.ts'

const usual = 429
const statuses = Array.from({ length: 200 }, (_, index) => 400 + index).filter((status) => status !== usual)

/**
 * Gives a refused request the status that its policy asks for: Envoy takes every other part of the answer from the
 * rate-limit service, and has one status a filter. All statuses that a policy may have are here, so that a listener
 * never changes with the policies. The first mapper that matches decides: it changes nothing, and takes the usual
 * status and all answers that no limit gave, which so cost one look-up.
 */
export function localReplies(): Message[] {
  return [
    mapper(usual, true),
    ...statuses.map((status) => ({ ...mapper(status, false), status_code: { value: status } })),
  ]
}

/** Envoy ignores `invert` of a metadata matcher here (1.40), so that "anything else" cannot be said by it. */
function mapper(status: number, otherwise: boolean): Message {
  const value = { string_match: { exact: String(status) } }
  const matcher = { filter: metadataNamespace, path: [{ key: 'status' }], value }
  return { filter: { metadata_filter: { matcher, match_if_key_not_found: { value: otherwise } } } }
}
