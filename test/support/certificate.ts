import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

export interface TestCertificate {
  /** PEM text of a certificate that signs itself, good for a day. */
  certificate: string
  /** PEM text of its key (PKCS #8). */
  privateKey: string
}

/** Makes a certificate (RFC 5280) in place, so that no key lies in the repository and no program is needed for it. */
export function selfSigned(commonName: string): TestCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(set(sequence(oid('550403'), utf8(commonName))))
  const now = Date.now()
  const body = sequence(
    element(0xa0, element(0x02, Buffer.of(2))),
    element(0x02, Buffer.concat([Buffer.of(1), randomBytes(8)])),
    ecdsaWithSha256,
    name,
    sequence(utcTime(now - 3_600_000), utcTime(now + 86_400_000)),
    name,
    publicKey.export({ format: 'der', type: 'spki' }),
    element(0xa3, sequence(basicConstraintsOfCa)),
  )
  const signature = sign('sha256', body, privateKey)
  const der = sequence(body, ecdsaWithSha256, element(0x03, Buffer.concat([Buffer.of(0), signature])))
  return {
    certificate: pem('CERTIFICATE', der),
    privateKey: String(privateKey.export({ format: 'pem', type: 'pkcs8' })),
  }
}

/** One element of DER (X.690): tag, length, content. */
function element(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size =
    length < 128
      ? Buffer.of(length)
      : length < 256
        ? Buffer.of(0x81, length)
        : Buffer.of(0x82, length >> 8, length & 255)
  return Buffer.concat([Buffer.of(tag), size, content])
}

const sequence = (...items: Buffer[]) => element(0x30, Buffer.concat(items))
const set = (...items: Buffer[]) => element(0x31, Buffer.concat(items))
const oid = (hex: string) => element(0x06, Buffer.from(hex, 'hex'))
const utf8 = (text: string) => element(0x0c, Buffer.from(text))
const utcTime = (at: number) =>
  element(0x17, Buffer.from(`${new Date(at).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`))

const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))
const basicConstraintsOfCa = sequence(oid('551d13'), element(0x04, sequence(element(0x01, Buffer.of(0xff)))))

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g)!
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
