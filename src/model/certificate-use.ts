import type { CertificateSpec } from './certificate.ts'
import type { ClusterSpec } from './cluster.ts'
import type { GatewaySpec } from './gateway.ts'
import { isSecretRef } from './secret.ts'
import { all, find, type State } from './state.ts'

/** Ids of the private keys of certificates that a listener serves or a cluster presents, each once. */
export function privateKeysInUse(state: State): string[] {
  const names = new Set([
    ...all(state, 'Gateway').flatMap(({ document }) =>
      (document.spec as GatewaySpec).listeners.flatMap(({ tls }) => tls?.certificates ?? []),
    ),
    ...all(state, 'Cluster').flatMap(({ document }) => {
      return (document.spec as ClusterSpec).tls?.clientCertificate ?? []
    }),
  ])
  return [...names].flatMap((name) => privateKeyOf(state, name) ?? [])
}

/** Id of a certificate's private key, if it has one. */
export function privateKeyOf(state: State, certificate: string): string | undefined {
  const spec = find(state, 'Certificate', certificate)?.document.spec as CertificateSpec | undefined
  const key = spec?.pem?.privateKey
  return isSecretRef(key) ? key.secretRef : undefined
}
