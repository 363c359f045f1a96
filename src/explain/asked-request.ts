import type { Problem } from '../errors.ts'
import type { GatewaySpec } from '../model/gateway.ts'
import { canonicalIp } from '../model/ip.ts'
import type { Listener } from '../model/listener.ts'
import { bytes } from '../model/size.ts'
import { escapePointer } from '../model/walk.ts'
import { envoyHeaders, type Headers } from './envoy-headers.ts'
import { normalPath } from './normal-path.ts'
import { hostPattern, type Question } from './question.ts'

/** A request as Envoy has it when it looks for a route. */
export interface AskedRequest {
  method: string
  /** As the client writes it, without a trailing dot. */
  host: string
  /** In Envoy's normal form, with the query. */
  path: string
  clientIp: string
  /** Those that Envoy sets itself and `:method`, `:path`, `:authority` are among them. */
  headers: Headers
}

/** What comes of a request before any route is looked for. */
export type Arrival =
  | { kind: 'request'; request: AskedRequest }
  | { kind: 'answered'; status: number; reason: string }

/** The request that a question is about, or Envoy's own answer to it. */
export function arrival(
  question: Question,
  listener: Listener,
  { maxUrlBytes }: Pick<GatewaySpec, 'maxUrlBytes'> = {},
): Arrival {
  const { method = 'GET', headers: written = {}, clientIp: from = '127.0.0.1' } = question
  const normal = normalPath(question.path)
  if (normal.kind === 'refused')
    return answered(400, 'Envoy refuses paths with "#", %00 or escaped dots before a ";"')
  if (Object.keys(written).some((name) => name.includes('_')))
    return answered(400, 'Envoy refuses headers with an underscore in their name')
  if (normal.kind === 'redirect')
    return answered(307, 'Envoy redirects a path with an escaped slash to its plain form')
  const { path } = normal
  if (maxUrlBytes !== undefined && Buffer.byteLength(path) > bytes(maxUrlBytes))
    return answered(414, `the path and its query are longer than ${maxUrlBytes}`)
  const clientIp = canonicalIp(from)
  const host = hostOf(question).replace(/\.(?=:\d+$|$)/, '')
  const headers = envoyHeaders(written, { clientIp, scheme: listener.protocol })
  // To Envoy `host` is another name of the authority.
  const pseudo = { ':method': method, ':path': path, ':authority': host, host }
  for (const [name, value] of Object.entries(pseudo)) headers.set(name, [value])
  return { kind: 'request', request: { method, host, path, clientIp, headers } }
}

/** What the schema of a question cannot say: headers in two spellings, a host that is said twice. */
export function headerProblems({ host, headers = {} }: Question): Problem[] {
  const names = Object.keys(headers)
  const lower = names.map((name) => name.toLowerCase())
  return names.flatMap((name, index) => {
    const pointer = `/headers/${escapePointer(name)}`
    if (lower.indexOf(lower[index]!) !== index) {
      const message = `the header ${lower[index]} is there twice`
      return [{ pointer, message, remedy: 'write it once, with a list of its lines' }]
    }
    if (lower[index] !== 'host') return []
    if (host !== undefined) {
      const message = 'the host is there twice'
      return [{ pointer, message, remedy: 'leave out host or headers.host' }]
    }
    if (typeof headers[name] === 'string' && new RegExp(hostPattern).test(headers[name])) return []
    const message = '"host" is no name or address of a server'
    return [{ pointer, message, remedy: 'write one, for example shop.example' }]
  })
}

const answered = (status: number, reason: string): Arrival => ({ kind: 'answered', status, reason })

function hostOf({ host, headers = {} }: Question): string {
  const named = Object.entries(headers).find(([name]) => name.toLowerCase() === 'host')?.[1]
  return host ?? [named ?? 'localhost'].flat()[0]!
}
