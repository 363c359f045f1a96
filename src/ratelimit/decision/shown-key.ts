import type { KeyPart } from '../../model/limit-rule.ts'
import { type CounterId, formatCounterId } from '../identity/counter-id.ts'
import type { PartValue } from '../request/request-values.ts'
import type { ShownKey, ShownPart } from './verdict.ts'

/** Headers that are credentials wherever they come from. */
const credentialHeaders = new Set(['authorization', 'proxy-authorization', 'cookie', 'x-api-key'])

/** Longer values are cut to so many bytes, so that what is shown, and kept to be shown, has a bound. */
const longestShown = 128

/** A key as it may be shown. `credentials` are those of the model; they are never shown, and neither is any cookie. */
export function shownParts(
  key: readonly KeyPart[],
  values: readonly PartValue[],
  credentials: ReadonlySet<string>,
): ShownPart[] {
  return key.map((each, index) => {
    const part = nameOf(each)
    const value = values[index]
    if (value === undefined) return { part, missing: true }
    if (isNamedCredential(each, part, credentials)) return { part, hidden: true }
    return { part, value: readable(value) }
  })
}

export function shownKey(id: CounterId, parts: ShownPart[]): ShownKey {
  return { id: formatCounterId(id), parts }
}

/** Whether a part's values are credentials, by what they are or by those that the model names. */
export function isCredential(part: KeyPart, credentials: ReadonlySet<string>): boolean {
  return isNamedCredential(part, nameOf(part), credentials)
}

function isNamedCredential(part: KeyPart, name: string, credentials: ReadonlySet<string>): boolean {
  if (part.kind === 'cookie' || credentials.has(name)) return true
  return part.kind === 'header' && credentialHeaders.has(part.name)
}

function nameOf(part: KeyPart): string {
  return 'name' in part ? `${part.kind}:${part.name}` : part.kind
}

/** Bytes (latin1) as the text that they most likely are. */
function readable(value: string): string {
  // Of bytes of its own: a part of a long text would keep all of it.
  const text = Buffer.from(value.slice(0, longestShown), 'latin1').toString('utf8')
  return value.length <= longestShown ? text : `${text}…`
}
