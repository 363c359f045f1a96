import { kinds } from '../policies/index.ts'

/** The kinds that the API serves, for its clients: as in documents and as in URLs. */
export const kindList: readonly { kind: string; plural: string }[] = kinds.map(({ kind, plural }) => ({
  kind,
  plural,
}))
