/** One element of DER (X.690): tag, length, content. */
export function element(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content])
}

function lengthOf(length: number): Buffer {
  if (length < 128) return Buffer.of(length)
  if (length < 256) return Buffer.of(0x81, length)
  return Buffer.of(0x82, length >> 8, length & 255)
}

export const sequence = (...items: Buffer[]): Buffer => element(0x30, Buffer.concat(items))
export const set = (...items: Buffer[]): Buffer => element(0x31, Buffer.concat(items))
export const octets = (content: Buffer): Buffer => element(0x04, content)
/** A string of whole bytes. */
export const bits = (content: Buffer): Buffer => element(0x03, Buffer.concat([Buffer.of(0), content]))
export const integer = (content: Buffer): Buffer => element(0x02, content)
export const utf8 = (text: string): Buffer => element(0x0c, Buffer.from(text, 'utf8'))
export const yes: Buffer = element(0x01, Buffer.of(0xff))
/** The content of an object identifier, as hex. */
export const oid = (hex: string): Buffer => element(0x06, Buffer.from(hex, 'hex'))

/** UTCTime (RFC 5280, section 4.1.2.5.1), which ends with the year 2049. */
export function utcTime(at: number): Buffer {
  const text = new Date(at).toISOString().replace(/[-:T]/g, '').slice(2, 14)
  return element(0x17, Buffer.from(`${text}Z`))
}

/** PEM (RFC 7468). */
export function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g)!
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
