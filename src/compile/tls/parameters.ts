import type { Message } from '../../envoy-api/types.ts'

/**
 * `TlsParameters` as Mozilla's "intermediate" configuration has them, version 5.7 of the Server Side TLS guidelines, but
 * for its DHE suites, which BoringSSL does not know. The suites are those of TLS 1.2; of 1.3 all are good, and always on.
 */
export function tlsParameters(minVersion: '1.2' | '1.3'): Message {
  return {
    tls_minimum_protocol_version: minVersion === '1.3' ? 'TLSv1_3' : 'TLSv1_2',
    tls_maximum_protocol_version: 'TLSv1_3',
    cipher_suites: [
      'ECDHE-ECDSA-AES128-GCM-SHA256',
      'ECDHE-RSA-AES128-GCM-SHA256',
      'ECDHE-ECDSA-AES256-GCM-SHA384',
      'ECDHE-RSA-AES256-GCM-SHA384',
      'ECDHE-ECDSA-CHACHA20-POLY1305',
      'ECDHE-RSA-CHACHA20-POLY1305',
    ],
    ecdh_curves: ['X25519', 'P-256', 'P-384'],
  }
}
