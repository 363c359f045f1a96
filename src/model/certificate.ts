import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import { chainProblem, validityMessage } from './certificate-chain.ts'
import { missingNames } from './certificate-names.ts'
import type { Document } from './document.ts'
import { Duration } from './duration.ts'
import type { Kind } from './kind.ts'
import { oneOf } from './one-of.ts'
import { certificatesIn } from './pem.ts'
import type { Warning } from './pending.ts'
import { Secret } from './secret.ts'

const Pem = Type.Object(
  {
    certificate: Type.String({
      description: 'The certificate and its chain, as PEM text; the CLI reads it from certificateFile.',
      format: 'weir-certificate',
      maxLength: 262_144,
      remedy: 'write the PEM text that starts with -----BEGIN CERTIFICATE-----',
    }),
    privateKey: Type.Optional(
      Secret({
        description:
          'Its private key, as PEM text, kept encrypted; the CLI reads it from privateKeyFile. Left out for a CA.',
        secret: 'encrypted',
        keyOf: 'certificate',
        format: 'weir-private-key',
        maxLength: 65_536,
        remedy:
          'write the PEM text of an unencrypted RSA, ECDSA or Ed25519 private key, or the secretRef of an export',
      }),
    ),
    crl: Type.Optional(
      Type.String({
        description:
          'Of a CA: the list of its certificates that are revoked, as PEM text; the CLI reads it from crlFile. Without it none is.',
        format: 'weir-crl',
        maxLength: 4_194_304,
        remedy: 'write the PEM text that starts with -----BEGIN X509 CRL-----',
      }),
    ),
  },
  { additionalProperties: false, description: 'A given certificate; a CA needs no key.' },
)

const Acme = Type.Object(
  {
    directory: Type.String({
      description: 'URL of the ACME directory.',
      format: 'weir-url',
      maxLength: 2048,
      remedy: 'write an https URL',
      examples: ['https://acme.example/directory'],
    }),
    email: Type.Optional(
      Type.String({
        description: 'Whom the authority may write to. Without it nobody.',
        pattern: '^[^@\\s]+@[^@\\s]+$',
        maxLength: 320,
        remedy: 'write an e-mail address',
        examples: ['ops@shop.example'],
      }),
    ),
    agreeTerms: Type.Literal(true, { description: 'You agree to the authority’s terms of service.' }),
    challenge: Type.Enum(['http_01'], {
      description: 'How control over the names is proved.',
      examples: ['http_01'],
    }),
    domains: Type.Array(
      Type.String({
        description: 'A name.',
        pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$',
        maxLength: 253,
        remedy: 'write a host name in lower case',
        examples: ['shop.example'],
      }),
      { description: 'Names that the certificate is for.', minItems: 1, maxItems: 100, uniqueItems: true },
    ),
    renewBefore: Type.Optional(
      Duration({
        description: 'How long before its end it is renewed.',
        default: '720h',
        atLeast: '1h',
        atMost: '8784h',
        examples: ['720h'],
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'A certificate that is got and renewed by ACME (RFC 8555).',
    pending: 'a self-signed placeholder is served until the certificate is given as pem',
  },
)

export const CertificateSpec = Type.Object(
  { pem: Type.Optional(Pem), acme: Type.Optional(Acme) },
  {
    additionalProperties: false,
    description: 'A certificate, given or automated: exactly one of pem, acme.',
  },
)

export type CertificateSpec = Static<typeof CertificateSpec>

export const certificate: Kind = {
  kind: 'Certificate',
  plural: 'certificates',
  description: 'A certificate, given or automated; a CA, too.',
  spec: CertificateSpec,
  example: {
    name: 'shop',
    spec: {
      acme: {
        directory: 'https://acme.example/directory',
        agreeTerms: true,
        challenge: 'http_01',
        domains: ['shop.example'],
      },
    },
  },
  references: () => [],
  check: (document) => [...oneOf(document.spec, '/spec', ['pem', 'acme']), ...chainProblems(document)],
  warnings: (document, state) => [...expiryWarnings(document, Date.now()), ...missingNames(document, state)],
}

/** What a browser or Envoy itself would refuse of what is to be served. A CA is trusted as it is. */
function chainProblems({ spec }: Document): Problem[] {
  const { pem } = spec as CertificateSpec
  if (pem?.privateKey === undefined) return []
  const message = chainProblem(certificatesIn(pem.certificate))
  if (message === undefined) return []
  const remedy =
    'write the certificate that is to be served first, then the one that signed it, and so on; RSA keys of 2048 bits or more, and no signatures by SHA-1'
  return [{ pointer: '/spec/pem/certificate', message, remedy }]
}

function expiryWarnings({ kind, name, spec }: Document, now: number): Warning[] {
  const { pem } = spec as CertificateSpec
  if (pem === undefined) return []
  const message = validityMessage(certificatesIn(pem.certificate), now)
  if (message === undefined) return []
  const effect = 'outside of this time whoever checks it refuses the connection'
  return [{ kind, name, pointer: '/spec/pem/certificate', message, effect }]
}
