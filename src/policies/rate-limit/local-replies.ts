import { STATUS_CODES } from 'node:http'
import type { Message } from '../../envoy-api/types.ts'
import type { Problems } from '../policy-kind.ts'
import { metadataNamespace } from './filters.ts'

const usual = 429
const statuses = Array.from({ length: 200 }, (_, index) => 400 + index).filter((status) => status !== usual)

/** What a problem document says of a refusal. */
export const limitReached = 'A limit on requests is reached.'

/**
 * Gives a refused request the status that its policy asks for, and a body if the policy has none: Envoy takes every other
 * part of the answer from the rate-limit service, and has one status a filter. All statuses that a policy may have are
 * here, so that a listener never changes with the policies. The first mapper that matches decides: it changes nothing, and
 * takes the usual status and all answers that no limit gave, which so cost one look-up.
 */
export function localReplies(problems: Problems): Message[] {
  return [
    { filter: is('status', usual, true) },
    ...statuses.map((status) => ({
      filter: { and_filter: { filters: [is('problem', status), problems.notGrpc] } },
      status_code: { value: status },
      ...problems.body(status, titleOf(status), limitReached),
    })),
    ...statuses.map((status) => ({ filter: is('status', status), status_code: { value: status } })),
  ]
}

/** A status that is not registered means what the first of its class does (RFC 9110, section 15). */
function titleOf(status: number): string {
  return STATUS_CODES[status] ?? STATUS_CODES[status - (status % 100)]!
}

/** Envoy ignores `invert` of a metadata matcher here (1.40), so that "anything else" cannot be said by it. */
function is(key: 'status' | 'problem', status: number, otherwise = false): Message {
  const value = { string_match: { exact: String(status) } }
  const matcher = { filter: metadataNamespace, path: [{ key }], value }
  return { metadata_filter: { matcher, match_if_key_not_found: { value: otherwise } } }
}
