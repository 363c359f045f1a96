import { bounds, type Violation } from './bounds.ts'

/** Who an Envoy says it is (`envoy.config.core.v3.Node`). */
export interface Identity {
  readonly id: string
  /** `metadata.gateway`, else `cluster`. */
  readonly gateway: string
  readonly labels: Readonly<Record<string, string>>
  /** Version of the client's build, `1.40.0`; empty when it does not say. */
  readonly version: string
  /** Addresses by which others reach it, as its bootstrap announces them. */
  readonly addresses: readonly string[]
}

/** A node as proto-loader decodes it; only what is read here. */
interface NodeMessage {
  readonly id?: string
  readonly cluster?: string
  readonly metadata?: StructMessage
  readonly user_agent_version?: string
  readonly user_agent_build_version?: { readonly version?: SemanticVersion }
}

interface SemanticVersion {
  readonly major_number?: number
  readonly minor_number?: number
  readonly patch?: number
}

interface StructMessage {
  readonly fields?: Readonly<Record<string, ValueMessage>>
}

interface ValueMessage {
  readonly stringValue?: string
  readonly numberValue?: number
  readonly boolValue?: boolean
  readonly structValue?: StructMessage
  readonly listValue?: { readonly values?: readonly ValueMessage[] }
}

/** Reads the node of a stream's first request, or says why it cannot be served. */
export function identify(message: object | undefined): Identity | Violation {
  const node = (message ?? {}) as NodeMessage
  const metadata = node.metadata?.fields ?? {}
  const id = node.id ?? ''
  const gateway = metadata.gateway?.stringValue || node.cluster || ''
  if (id === '') return invalid('the first request names no node: set node.id in the bootstrap')
  if (gateway === '') {
    return invalid('the node names no gateway: set node.metadata.gateway (or node.cluster) in the bootstrap')
  }
  const labels = Object.entries(metadata.labels?.structValue?.fields ?? {}).flatMap(([name, value]) => {
    const text = scalar(value)
    return text === undefined ? [] : [[name, text] as const]
  })
  const addresses = (metadata.addresses?.listValue?.values ?? []).flatMap((value) => value.stringValue ?? [])
  if (labels.length > bounds.nodeLabels || addresses.length > bounds.nodeAddresses) {
    return invalid(`a node may have ${bounds.nodeLabels} labels and ${bounds.nodeAddresses} addresses`)
  }
  const version = versionOf(node)
  const problem = textProblem({
    id: [id],
    gateway: [gateway],
    labels: labels.flat(),
    addresses,
    version: [version],
  })
  if (problem !== undefined) return invalid(problem)
  return { id, gateway, labels: Object.fromEntries(labels), version, addresses }
}

/** These are shown on terminals and in logs, so they may neither flood nor forge them. */
function textProblem(texts: Record<string, readonly string[]>): string | undefined {
  for (const [what, values] of Object.entries(texts)) {
    if (values.some((text) => text.length > bounds.nodeTextLength)) {
      return `the node's ${what} may have ${bounds.nodeTextLength} characters at most: shorten it in the bootstrap`
    }
    if (!values.every(isPlainText)) {
      return `the node's ${what} may not have control characters: correct it in the bootstrap`
    }
  }
  return undefined
}

/** No control, formatting (of text direction, say) or line-breaking characters, and no half surrogate pairs. */
export function isPlainText(text: string): boolean {
  return !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)
}

function versionOf(node: NodeMessage): string {
  const build = node.user_agent_build_version?.version
  if (build === undefined) return node.user_agent_version ?? ''
  return `${build.major_number ?? 0}.${build.minor_number ?? 0}.${build.patch ?? 0}`
}

function scalar(value: ValueMessage): string | undefined {
  const found = value.stringValue ?? value.numberValue ?? value.boolValue
  return found === undefined ? undefined : String(found)
}

function invalid(message: string): Violation {
  return { code: 'INVALID_ARGUMENT', message }
}
