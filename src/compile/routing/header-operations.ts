import type { Message } from '../../envoy-api/types.ts'
import type { HeaderOperations } from '../../model/route-policies.ts'
import type { RouteSpec } from '../../model/route-spec.ts'

type Operations = NonNullable<HeaderOperations['request']>

/**
 * What a route does to headers, those of its own answer among them; `removed` are request headers that go besides. Envoy removes before it adds, whatever the order
 * here.
 */
export function headerOperations(
  { headers = {}, respond }: Pick<RouteSpec, 'headers' | 'respond'>,
  removed: readonly string[],
): Message {
  const { request, response } = headers
  const set = { ...respond?.headers, ...response?.set }
  const withRemoved = { ...request, remove: [...new Set([...(request?.remove ?? []), ...removed])] }
  return { ...operations('request', withRemoved), ...operations('response', { ...response, set }) }
}

function operations(direction: string, { set = {}, add = {}, remove = [] }: Operations = {}): Message {
  const added = [
    ...Object.entries(set).map((entry) => header(entry, 'OVERWRITE_IF_EXISTS_OR_ADD')),
    ...Object.entries(add).map((entry) => header(entry, 'APPEND_IF_EXISTS_OR_ADD')),
  ]
  return {
    ...(added.length > 0 && { [`${direction}_headers_to_add`]: added }),
    ...(remove.length > 0 && { [`${direction}_headers_to_remove`]: remove }),
  }
}

function header([key, value]: [string, string], appendAction: string): Message {
  // Envoy drops a header whose value comes out empty, which is right for a substitution that found nothing.
  return {
    header: { key, value },
    append_action: appendAction,
    ...(value === '' && { keep_empty_value: true }),
  }
}
