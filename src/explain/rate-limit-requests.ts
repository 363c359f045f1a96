import type { Message } from '../envoy-api/types.ts'
import { breakerDomain, breakerEntries } from '../model/breaker-descriptor.ts'
import { domainOf } from '../model/descriptor.ts'
import { breakerFilter } from '../policies/outlier-detection/filters.ts'
import type { RouteLimit } from '../policies/policy-kind.ts'
import { stages } from '../policies/rate-limit/filters.ts'
import type { AskedRequest } from './asked-request.ts'
import type { Headers } from './envoy-headers.ts'

/** A RateLimitRequest in JSON, with the proto's names (envoy.service.ratelimit.v3). */
export interface SentRequest {
  domain: string
  descriptors: { entries: Entry[] }[]
}

export interface Entry {
  key: string
  value: string
}

/** Envoy's stages in the order in which their filters stand: `before_auth` is asked first. */
const inOrder = [stages.before_auth, stages.after_auth]

/**
 * What Envoy would send to the rate-limit service for a request that a route takes, one request a stage. The route's
 * actions are read as Envoy reads them (Envoy docs: config.route.v3.RateLimit).
 */
export function rateLimitRequests(
  gateway: string,
  limits: readonly RouteLimit[],
  request: AskedRequest,
): SentRequest[] {
  return inOrder.flatMap((stage) => {
    const own = limits.filter((limit) => limit.stage === stage)
    const descriptors = own.flatMap(({ actions }) => descriptorOf(actions, request) ?? [])
    return descriptors.length === 0 ? [] : [{ domain: domainOf(gateway), descriptors }]
  })
}

/**
 * What Envoy asks before it forwards to the one cluster of an Envoy route, if that has a strict breaker. Of a split it is
 * not known which part is drawn.
 */
export function breakerRequests(message: Message, request: AskedRequest): SentRequest[] {
  const { cluster } = (message.route ?? {}) as { cluster?: string }
  const configs = message.typed_per_filter_config as Record<string, Message> | undefined
  const [ask] = (configs?.[breakerFilter]?.rate_limits as { actions: Message[] }[] | undefined) ?? []
  if (cluster === undefined || ask === undefined) return []
  const descriptor = descriptorOf(ask.actions, { ...request, cluster })
  return descriptor === undefined ? [] : [{ domain: breakerDomain, descriptors: [descriptor] }]
}

/** A request, and where it goes if that is looked at. */
type Described = AskedRequest & { cluster?: string }

/** Without one of its parts Envoy sends no descriptor at all, unless the action says that it may be left out. */
function descriptorOf(actions: readonly Message[], request: Described): { entries: Entry[] } | undefined {
  const entries: Entry[] = []
  for (const action of actions) {
    const entry = entryOf(action, request)
    if (entry === 'missing') return undefined
    if (entry !== 'left out') entries.push(entry)
  }
  return { entries }
}

function entryOf(action: Message, { headers, clientIp, cluster }: Described): Entry | 'missing' | 'left out' {
  const { generic_key, request_headers, remote_address, metadata, extension, destination_cluster } =
    action as Record<string, Message | undefined>
  if (generic_key !== undefined) {
    const { descriptor_key = 'generic_key', descriptor_value } = generic_key as Record<string, string>
    return { key: descriptor_key, value: descriptor_value! }
  }
  if (request_headers !== undefined) {
    const { header_name, descriptor_key, skip_if_absent } = request_headers
    // Of several lines Envoy sends the first.
    const value = headers.get(header_name as string)?.[0]
    if (value === undefined) return skip_if_absent === true ? 'left out' : 'missing'
    return { key: descriptor_key as string, value }
  }
  if (destination_cluster !== undefined) return { key: breakerEntries.cluster, value: cluster! }
  if (remote_address !== undefined) return { key: 'remote_address', value: clientIp }
  if (extension !== undefined) return expressed(extension, headers)
  // What the token says is not known here.
  if (metadata !== undefined) return metadata.skip_if_absent === true ? 'left out' : 'missing'
  throw new Error(`an action that explain does not know: ${Object.keys(action).join(', ')}`)
}

/**
 * An expression `request.headers['...']`: all lines of a header, with commas between them. One on the connection asks for a
 * certificate, and whose it is is not known here.
 */
function expressed({ typed_config }: Message, headers: Headers): Entry | 'missing' | 'left out' {
  const { descriptor_key, skip_if_error, text } = typed_config as Record<string, string | boolean>
  const name = /^request\.headers\['([^']+)'\]$/.exec(text as string)?.[1]
  if (name === undefined && (text as string).startsWith('connection.')) return 'left out'
  if (name === undefined) throw new Error(`an expression that explain does not know: ${text}`)
  const lines = headers.get(name)
  if (lines === undefined) return skip_if_error === true ? 'left out' : 'missing'
  return { key: descriptor_key as string, value: lines.join(',') }
}
