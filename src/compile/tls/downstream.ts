import { any, duration, wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { Listener, ListenerTls } from '../../model/listener.ts'
import { asksClients, caSecret, certificateSecret, secretByAds } from './names.ts'
import { tlsParameters } from './parameters.ts'
import { validation } from './validation.ts'

/**
 * What a filter chain needs to speak TLS. All certificates are in one chain, where Envoy itself chooses by the names in
 * them: exact before wildcard, and the first of the list for any other name and for none. So the names are no part of
 * the listener, and a rotation that changes them drains nothing.
 */
export function downstreamTls({ tls }: Listener): Message {
  if (tls === undefined) return {}
  const context = {
    common_tls_context: {
      tls_params: tlsParameters(tls.minVersion ?? '1.2'),
      alpn_protocols: ['h2', 'http/1.1'],
      tls_certificate_sds_secret_configs: tls.certificates.map((name) =>
        secretByAds(certificateSecret(name)),
      ),
      ...clientValidation(tls),
    },
    require_client_certificate: wrap(tls.clientCertificate === 'require'),
  }
  return {
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: any('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', context),
    },
    // Who connects and does not finish the handshake holds nothing for ever.
    transport_socket_connect_timeout: duration(10_000),
  }
}

function clientValidation(tls: ListenerTls): Message {
  if (!asksClients(tls) || tls.clientCa === undefined) return {}
  const { clientSan: names = [], clientFingerprints: fingerprints = [] } = tls
  return validation({ ca: caSecret(tls.clientCa), names, fingerprints })
}

/**
 * The connection manager's part of client certificates: `x-forwarded-client-cert` says who the client proved to be, and
 * on every listener what a client writes there itself is taken away, which is Envoy's default.
 */
export function clientIdentity({ tls }: Listener): Message {
  if (tls === undefined || !asksClients(tls)) return {}
  return {
    forward_client_cert_details: 'SANITIZE_SET',
    set_current_client_cert_details: { subject: wrap(true), uri: true, dns: true },
  }
}
