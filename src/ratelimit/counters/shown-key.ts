import type { KeyPart } from '../../model/limit-rule.ts'
import type { ShownKey, ShownPart } from '../decision/verdict.ts'
import { type CounterId, formatCounterId } from '../identity/counter-id.ts'
import type { PartValue } from '../request/request-values.ts'

/** Headers that are credentials wherever they come from. */
const credentialHeaders = new Set(['authorization', 'proxy-authorization', 'cookie', 'x-api-key'])

/** Longer values are cut, so that what is shown, and kept to be shown, has a bound. */
const longestShown = 128

/** A key as it may be shown. `credentials` are those of the model; they are never shown, and neither is any cookie. */
export function shownParts(
  key: readonly KeyPart[],
  values: readonly PartValue[],
  credentials: ReadonlySet<string>,
): ShownPart[] {
  return key.map((each, index) => {
    const part = 'name' in each ? `${each.kind}:${each.name}` : each.kind
    const value = values[index]
    if (value === undefined) return { part, missing: true }
    if (credentials.has(part) || isCredential(each)) return { part, hidden: true }
    return { part, value: readable(value) }
  })
}

export function shownKey(id: CounterId, parts: ShownPart[]): ShownKey {
  return { id: formatCounterId(id), parts }
}

function isCredential(part: KeyPart): boolean {
  return part.kind === 'cookie' || (part.kind === 'header' && credentialHeaders.has(part.name))
}

/** Bytes (latin1) as the text that they most likely are. */
function readable(value: string): string {
  const text = Buffer.from(value, 'latin1').toString('utf8')
  return text.length <= longestShown ? text : `${text.slice(0, longestShown)}…`
}
