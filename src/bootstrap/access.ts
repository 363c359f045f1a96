import { isIP } from 'node:net'
import { dirname, join } from 'node:path'

/** How an Envoy reaches xDS where that is guarded; files are as the Envoy sees them. */
export interface XdsAccess {
  /** CAs that weir's certificate is signed by; absent: plaintext. */
  ca?: string | undefined
  /** Names of which weir's certificate must have one. */
  serverNames: readonly string[]
  /** What the Envoy shows: its own certificate and key, or a token. */
  certificate?: string | undefined
  privateKey?: string | undefined
  tokenFile?: string | undefined
  /** A folder with `secretFilesOf`, by which Envoy reads the others again when they are replaced; absent: at its start alone. */
  secretsFolder?: string | undefined
}

const names = { ca: 'weir_xds_ca', certificate: 'weir_xds_certificate', token: 'weir_xds_token' }
const extensions = 'type.googleapis.com/envoy.extensions'

/** What the files hold, as secrets (envoy.extensions.transport_sockets.tls.v3.Secret). */
export function secretsOf({ ca, certificate, privateKey, tokenFile }: Omit<XdsAccess, 'serverNames'>) {
  return [
    ...(ca === undefined
      ? []
      : [{ name: names.ca, validation_context: { trusted_ca: file(ca), ...watched(ca) } }]),
    ...(certificate === undefined || privateKey === undefined
      ? []
      : [
          {
            name: names.certificate,
            tls_certificate: {
              certificate_chain: file(certificate),
              private_key: file(privateKey),
              ...watched(certificate),
            },
          },
        ]),
    ...(tokenFile === undefined ? [] : [{ name: names.token, generic_secret: { secret: file(tokenFile) } }]),
  ]
}

/** The same as files by their names, of one secret each, since Envoy takes no others (envoy.service.discovery.v3.DiscoveryResponse). */
export function secretFilesOf(access: Omit<XdsAccess, 'serverNames'>): ReadonlyMap<string, object> {
  const type = `${extensions}.transport_sockets.tls.v3.Secret`
  return new Map(
    secretsOf(access).map((secret) => [fileOf(secret.name), { resources: [{ '@type': type, ...secret }] }]),
  )
}

function fileOf(name: string): string {
  return `${name}.json`
}

/** TLS to weir. A CA alone would accept each of its certificates, whosever it is. */
export function transportSocket({ ca, serverNames, certificate, secretsFolder }: XdsAccess) {
  if (ca === undefined) return {}
  const sni = serverNames.find((name) => isIP(name) === 0)
  return {
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': `${extensions}.transport_sockets.tls.v3.UpstreamTlsContext`,
        ...(sni !== undefined && { sni }),
        common_tls_context: {
          alpn_protocols: ['h2'],
          ...(certificate !== undefined && {
            tls_certificate_sds_secret_configs: [secret(names.certificate, secretsFolder)],
          }),
          combined_validation_context: {
            default_validation_context: {
              match_typed_subject_alt_names: serverNames.map((name) => ({
                san_type: isIP(name) === 0 ? 'DNS' : 'IP_ADDRESS',
                matcher: { exact: name },
              })),
            },
            validation_context_sds_secret_config: secret(names.ca, secretsFolder),
          },
        },
      },
    },
  }
}

/** Every call to weir carries the token, whichever of Envoy's clients makes it. */
export function tokenFilters({ tokenFile, secretsFolder }: XdsAccess) {
  if (tokenFile === undefined) return {}
  return {
    http_filters: [
      {
        name: 'envoy.filters.http.credential_injector',
        typed_config: {
          '@type': `${extensions}.filters.http.credential_injector.v3.CredentialInjector`,
          overwrite: true,
          credential: {
            name: 'envoy.http.injected_credentials.generic',
            typed_config: {
              '@type': `${extensions}.http.injected_credentials.generic.v3.Generic`,
              credential: secret(names.token, secretsFolder),
              header: 'authorization',
              header_value_prefix: 'Bearer ',
            },
          },
        },
      },
      {
        name: 'envoy.filters.http.upstream_codec',
        typed_config: { '@type': `${extensions}.filters.http.upstream_codec.v3.UpstreamCodec` },
      },
    ],
  }
}

function secret(name: string, folder: string | undefined) {
  if (folder === undefined) return { name }
  const source = { path: join(folder, fileOf(name)), watched_directory: { path: folder } }
  return { name, sds_config: { path_config_source: source, resource_api_version: 'V3' } }
}

function file(filename: string) {
  return { filename }
}

/** Envoy looks for what is moved there (a rename, or a link of a volume of Kubernetes); static secrets are not watched. */
function watched(path: string) {
  return { watched_directory: { path: dirname(path) } }
}
