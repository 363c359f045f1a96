import type { Message } from '../../envoy-api/types.ts'
import type { CertificateSpec } from '../../model/certificate.ts'
import { privateKeyOf } from '../../model/certificate-use.ts'
import type { Document } from '../../model/document.ts'
import type { SecretText } from '../../model/secret-text.ts'
import { find, type State } from '../../model/state.ts'
import type { Live } from '../live.ts'
import { Remembered } from '../remembered.ts'
import { rootsSecret } from './names.ts'

/** A secret as Envoy gets it, and the row that it was made from. */
export interface SecretMessage {
  message: Message
  /** None of the public roots, and of a Certificate that cannot be read. */
  origin: Document | undefined
}

const remembered = new Remembered<Message>()

/**
 * The secret of a name (`names.ts`). It always has a content: Envoy opens no listener and warms no cluster for which one
 * is missing. Of a certificate without a value or without its key that is the placeholder, and of a CA without a value
 * one that vouches for nobody. Private keys stay `SecretText`s until they are encoded.
 */
export function secretMessage(name: string, state: State, live: Live): SecretMessage {
  if (name === rootsSecret) return { message: trusted(name, { roots: live.roots }), origin: undefined }
  const [use, certificate] = [name.slice(0, name.indexOf('/')), name.slice(name.indexOf('/') + 1)]
  const document = find(state, 'Certificate', certificate)?.document
  const pem = (document?.spec as CertificateSpec | undefined)?.pem
  const key = live.secrets.get(privateKeyOf(state, certificate) ?? '')
  const { placeholder } = live
  const make = () =>
    use === 'ca'
      ? trusted(name, { roots: pem?.certificate ?? placeholder.nobody, crl: pem?.crl })
      : served(name, pem === undefined || key === undefined ? placeholder : { ...pem, privateKey: key })
  if (document === undefined) return { message: make(), origin: undefined }
  return { message: remembered.of(document, name, [key, placeholder], make), origin: document }
}

function served(name: string, pair: { certificate: string; privateKey: SecretText }): Message {
  return {
    name,
    tls_certificate: {
      certificate_chain: { inline_string: pair.certificate },
      private_key: { inline_string: pair.privateKey },
    },
  }
}

function trusted(name: string, { roots, crl }: { roots: string; crl?: string | undefined }): Message {
  // A list of a CA says nothing of those above it.
  const revoked = crl === undefined ? {} : { crl: { inline_string: crl }, only_verify_leaf_cert_crl: true }
  return { name, validation_context: { trusted_ca: { inline_string: roots }, ...revoked } }
}
