import { kindList } from '../admin/kind-list.ts'
import { remedyAmong } from '../model/suggest.ts'
import { Usage } from './cli.ts'

export interface NamedKind {
  kind: string
  plural: string
}

/** The kind meant by `Route`, `routes` or `route`, in any case, with or without hyphens. */
export function kindOf(text: string): NamedKind {
  const wanted = plain(text)
  const found = kindList.find(({ kind, plural }) => [plain(kind), plain(plural)].includes(wanted))
  if (found !== undefined) return found
  throw new Usage(
    `there is no kind "${text}": ${remedyAmong(
      text,
      kindList.map(({ plural }) => plural),
    )}`,
  )
}

function plain(text: string): string {
  return text.toLowerCase().replaceAll(/[-_]/g, '')
}

/** `KIND/NAME` or `KIND NAME`. */
export function objectOf(
  first: string,
  second: string | undefined,
): { kind: NamedKind; name: string | undefined } {
  const slash = first.indexOf('/')
  if (slash < 0) return { kind: kindOf(first), name: second }
  if (second !== undefined)
    throw new Usage(`write ${first} or ${first.slice(0, slash)} ${second}, not both names`)
  return { kind: kindOf(first.slice(0, slash)), name: first.slice(slash + 1) }
}

/** The same where one object is meant. */
export function oneObjectOf(first: string, second: string | undefined): { kind: NamedKind; name: string } {
  const { kind, name } = objectOf(first, second)
  if (name === undefined || name === '') throw new Usage(`which of the ${kind.plural}? write its name, too`)
  return { kind, name }
}
