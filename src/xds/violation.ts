import { bounds, type Violation } from './bounds.ts'
import { isPlainText } from './node.ts'
import type { Session } from './session.ts'

/** What a request makes the server hold, whichever variant it is of. */
export interface Demand {
  readonly type: string
  /** Names by the request's fields. */
  readonly names: Readonly<Record<string, readonly string[]>>
  /** Versions likewise. */
  readonly versions: Readonly<Record<string, readonly string[]>>
  /** Names that are wanted from now on, besides those that are known. */
  readonly added: readonly string[]
  /** How many names of the type are wanted then. */
  readonly total: number
  /** Names and versions that the client brings, each as one text. */
  readonly brought: readonly string[]
}

/** The first bound that a request breaks, if it breaks one; to be asked before anything of it is held. */
export function violationOf(demand: Demand, session: Session): Violation | undefined {
  return malformed(demand) ?? excessive(demand, session)
}

function malformed({ type, names, versions }: Demand): Violation | undefined {
  if (type === '') return invalid('type_url is empty; an aggregated stream needs it in every request')
  if (type.length > bounds.typeLength || !isPlainText(type)) {
    return invalid(`type_url has more than ${bounds.typeLength} characters, or control characters`)
  }
  for (const [field, list] of Object.entries(names)) {
    if (list.length > bounds.namesPerRequest) {
      return exhausted(`${field} has ${list.length} names; at most ${bounds.namesPerRequest} are taken`)
    }
    const wrong = list.find((name) => name === '' || name.length > bounds.nameLength)
    if (wrong !== undefined) {
      return invalid(`${field} has a name that is empty or longer than ${bounds.nameLength} characters`)
    }
  }
  for (const [field, list] of Object.entries(versions)) {
    if (list.some((version) => version.length > bounds.versionLength)) {
      return invalid(`${field} has a version of more than ${bounds.versionLength} characters`)
    }
  }
  return undefined
}

function excessive({ type, added, total, brought }: Demand, session: Session): Violation | undefined {
  if (session.subscription(type) === undefined && session.typeCount >= bounds.typesPerStream) {
    return exhausted(`a stream may ask for at most ${bounds.typesPerStream} resource types`)
  }
  if (session.bytes + bytesOf(added) + bytesOf(brought) > bounds.bytesPerStream) {
    return exhausted(`a stream may take at most ${bounds.bytesPerStream} bytes for names and versions`)
  }
  if (total > bounds.namesPerSubscription) {
    return exhausted(`a stream may subscribe to at most ${bounds.namesPerSubscription} names of one type`)
  }
  return undefined
}

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + bounds.bytesPerName + text.length, 0)
}

function exhausted(message: string): Violation {
  return { code: 'RESOURCE_EXHAUSTED', message }
}

function invalid(message: string): Violation {
  return { code: 'INVALID_ARGUMENT', message }
}
