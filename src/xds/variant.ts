import { typeUrls } from '../envoy-api/types.ts'

/** What the state of a stream has to know of the variant of the protocol that the stream speaks. */
export interface Variant {
  readonly name: 'delta' | 'sotw'
  /** A response holds everything that the client is to have of this type: what is left out is removed. */
  holdsAll(type: string): boolean
  /** That a name is absent can be said of any type. */
  readonly saysAbsence: boolean
  /** A client that comes back claims a version of the whole type, whichever of its resources it dropped since. */
  readonly claimsByType: boolean
}

/** xDS protocol, "Incremental xDS". */
export const delta: Variant = {
  name: 'delta',
  holdsAll: () => false,
  saysAbsence: true,
  claimsByType: false,
}

/** xDS protocol, "Grouping Resources into Responses" and "Deleting Resources". */
export const sotw: Variant = {
  name: 'sotw',
  holdsAll: (type) => type === typeUrls.cluster || type === typeUrls.listener,
  saysAbsence: false,
  claimsByType: true,
}
