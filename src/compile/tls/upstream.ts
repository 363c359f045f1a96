import { any } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { ClusterTls, EffectiveCluster } from '../../model/cluster.ts'
import { caSecret, certificateSecret, rootsSecret, secretByAds } from './names.ts'
import { tlsParameters } from './parameters.ts'
import { validation } from './validation.ts'

/**
 * What a cluster needs to speak TLS to its endpoints. Their certificate must be signed by the CA or a public root, and
 * always be for a name that is wanted: without that Envoy takes one for any name.
 */
export function upstreamTls({ tls, protocol }: EffectiveCluster): Message {
  if (tls === undefined) return {}
  const context = {
    common_tls_context: {
      tls_params: tlsParameters('1.2'),
      ...offered(protocol),
      ...ownCertificate(tls),
      ...validation({
        ca: tls.ca === undefined ? rootsSecret : caSecret(tls.ca),
        names: tls.san ?? [tls.sni!],
      }),
    },
    ...(tls.sni === undefined ? {} : { sni: tls.sni }),
  }
  return {
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', context),
    },
  }
}

/** ALPN (RFC 7301). For `auto` Envoy offers both itself. */
function offered(protocol: EffectiveCluster['protocol']): Message {
  return protocol === 'auto' ? {} : { alpn_protocols: [protocol === 'http2' ? 'h2' : 'http/1.1'] }
}

function ownCertificate({ clientCertificate }: ClusterTls): Message {
  if (clientCertificate === undefined) return {}
  return { tls_certificate_sds_secret_configs: [secretByAds(certificateSecret(clientCertificate))] }
}
