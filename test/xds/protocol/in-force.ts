import type { Client } from './client.ts'
import { flawOf, includesAll, isWildcard, type ShortType, type Texts, types } from './content.ts'

/** Types that what is refused, and so an old version of it, may still name. */
const namedBy: Record<ShortType, readonly ShortType[]> = {
  cluster: ['listener', 'route', 'extension'],
  endpoints: ['listener', 'route', 'extension'],
  secret: ['listener', 'cluster'],
  extension: ['listener', 'route'],
  route: ['listener'],
  listener: [],
}

/**
 * Of what it wants the client has the state of the rows: of what it refuses the last version that it accepted or none, and
 * of what is gone nothing, but for what such an old version may name. With `whole`, it refuses nothing.
 * `delivery` is what its replica says.
 */
export function inForceProblem(
  client: Client,
  texts: Texts,
  delivery: string,
  whole = false,
): string | undefined {
  const refuses = (short: ShortType) =>
    [...client.types[short].refused].filter(([name, refused]) => {
      const target = texts[short].get(name)
      const isRefused = refused.has(target ?? '') || (short === 'extension' && flawOf(target ?? '') !== '')
      return isRefused && client.types[short].has.get(name) !== target
    })
  // What is kept for a user that is refused has users of its own.
  const keepsOld = (short: ShortType) => {
    const isTold = client.protocol === 'delta' || isWildcard(short)
    return isTold && [...client.types[short].has.keys()].some((name) => !texts[short].has(name))
  }
  for (const short of types) {
    const { has, names, asked, stranded, refused } = client.types[short]
    const frozen = namedBy[short].some((user) => {
      return refuses(user).length > 0 || client.isStuck(user) || keepsOld(user)
    })
    if (!whole && client.isStuck(short)) continue
    if (!asked && isWildcard(short)) return `${short} was never asked for`
    for (const [name, text] of texts[short]) {
      if (!(isWildcard(short) || names.has(name)) || stranded.has(name)) continue
      const present = has.get(name)
      if (present === text) continue
      if (!whole && refuses(short).some(([each]) => each === name)) continue
      if (short === 'extension' && frozen && includesAll(present ?? '', text)) continue
      return `${short} ${name} is ${present ?? 'missing'}, not ${text}; refused ${[...(refused.get(name) ?? [])]}`
    }
    if (client.protocol === 'sotw' && !isWildcard(short)) continue
    for (const name of has.keys()) {
      if (texts[short].has(name) || frozen || stranded.has(name)) continue
      return `${short} ${name} should be gone`
    }
  }
  if (whole && delivery === 'nacked') return 'its replica takes something for refused'
  return undefined
}
