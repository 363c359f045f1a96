import { compareNames } from '../model/state.ts'
import type { GatewayContext } from '../policies/policy-kind.ts'
import type { CompileProblem } from './compile.ts'
import type { Live } from './live.ts'
import type { Parts } from './parts.ts'
import { areSame } from './remembered.ts'
import { listenerSecrets, rootsSecret } from './tls/names.ts'
import { type SecretMessage, secretMessage } from './tls/secret.ts'

export interface CompiledSecret extends SecretMessage {
  readonly name: string
}

/** The secrets that the listeners and clusters of a gateway ask for, and no others. */
export function secretsOf(
  gateway: GatewayContext,
  ofClusters: readonly string[],
  parts: Parts,
  live: Live,
): CompiledSecret[] {
  const listed = () => {
    const ofListeners = gateway.spec.listeners.flatMap(({ tls }) => listenerSecrets(tls))
    return [...new Set([...ofListeners, ...ofClusters])].sort(compareNames)
  }
  const names = parts.of('secrets', [gateway, ofClusters], listed, areSame)
  parts.keep('secret/', names)
  return names.map((name) =>
    parts.of(`secret/${name}`, [], (state) => ({ name, ...secretMessage(name, state, live) })),
  )
}

/** What cannot be served since its row cannot be read. */
export function unreadable(gateway: string, secrets: readonly CompiledSecret[]): CompileProblem[] {
  return secrets
    .filter(({ name, origin }) => origin === undefined && name !== rootsSecret)
    .map(({ name }) => {
      const message = `needs the secret ${name}, whose Certificate cannot be read; a placeholder takes its place`
      return { kind: 'Gateway', name: gateway, message }
    })
}
