import { fromAds } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { ClusterTls } from '../../model/cluster.ts'
import type { ListenerTls } from '../../model/listener.ts'

// Secrets are named by their Certificate and not by its content, so that another content changes the secret alone.

/** The secret with a certificate's chain and key. */
export const certificateSecret = (certificate: string): string => `certificate/${certificate}`
/** The secret with a certificate as a CA. */
export const caSecret = (certificate: string): string => `ca/${certificate}`
/** The secret with the public roots. */
export const rootsSecret = 'roots'

/** Whether a listener asks its clients for a certificate. */
export function asksClients({ clientCertificate }: ListenerTls): boolean {
  return clientCertificate === 'require' || clientCertificate === 'request'
}

/** Names of the secrets that a listener with this TLS asks for. */
export function listenerSecrets(tls: ListenerTls | undefined): string[] {
  if (tls === undefined) return []
  const ca = asksClients(tls) && tls.clientCa !== undefined ? [caSecret(tls.clientCa)] : []
  return [...tls.certificates.map(certificateSecret), ...ca]
}

/** Names of the secrets that a cluster with this TLS asks for. */
export function clusterSecrets(tls: ClusterTls | undefined): string[] {
  if (tls === undefined) return []
  const own = tls.clientCertificate === undefined ? [] : [certificateSecret(tls.clientCertificate)]
  return [...own, tls.ca === undefined ? rootsSecret : caSecret(tls.ca)]
}

/** `SdsSecretConfig` */
export function secretByAds(name: string): Message {
  return { name, sds_config: fromAds() }
}
