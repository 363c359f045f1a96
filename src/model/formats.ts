import { isIP } from 'node:net'
import { durationProblem } from './duration.ts'
import { hostProblem } from './host.ts'
import { ipProblem } from './ip.ts'
import { keySetProblem } from './key-set.ts'
import { pathProblem } from './path.ts'
import { pemProblem } from './pem.ts'
import { regexProblem } from './regex.ts'
import { sizeProblem } from './size.ts'
import { substitutionProblem } from './substitution.ts'
import type { SchemaNode } from './walk.ts'

/** What a `format` demands beyond the schema's own keywords: the words that follow the field, or nothing. */
type FormatCheck = (value: string, schema: SchemaNode) => string | undefined

/** The formats that our schemas name. JSON Schema leaves them to the application (2020-12, section 7). */
export const formats: Record<string, FormatCheck> = {
  'weir-duration': durationProblem,
  'weir-size': sizeProblem,
  'weir-ip': ipProblem,
  'weir-host': hostProblem,
  'weir-cidr': cidrProblem,
  'weir-path': pathProblem,
  'weir-regex': regexProblem,
  'weir-substitution': substitutionProblem,
  'weir-url': (value) =>
    /^https?:$/.test(URL.parse(value)?.protocol ?? '') ? undefined : 'is not an http(s) URL',
  'weir-certificate': (value) => pemProblem(value, 'CERTIFICATE'),
  'weir-crl': (value) => pemProblem(value, 'X509 CRL'),
  'weir-key-set': keySetProblem,
  'weir-private-key': (value) => pemProblem(value, 'PRIVATE KEY'),
}

function cidrProblem(value: string): string | undefined {
  const [address = '', bits, ...rest] = value.split('/')
  const version = isIP(address)
  const isBits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
  if (version === 0 || rest.length > 0 || !isBits) return 'is not an IP address or CIDR block'
  return ipProblem(address)
}
