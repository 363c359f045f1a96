import type { Message } from '../envoy-api/types.ts'
import type { Document } from '../model/document.ts'
import { bestField, type Evidence, type Field, isWord } from './blamed-field.ts'
import { resolve } from './blamed-path.ts'

/** The field of a document that Envoy most likely means. */
export interface Blame {
  readonly document: Document
  /** JSON pointer; `""` where nothing tells more than the document. */
  readonly pointer: string
  /** Envoy's words are about this document and hardly about another one. */
  readonly certain: boolean
}

/** So few documents may say the same for one of them to be taken for the cause. */
const maxAlike = 3
/** From here on a field was named by what it holds, and not by its own name alone. */
const byContent = 20

/**
 * Who of the documents behind a refused resource is to blame, by what Envoy says of it. Two things tell: the path of
 * fields in the message of a failed constraint (protoc-gen-validate), followed through the resource as it was sent; and
 * values that Envoy repeats. `suspects` must not be empty.
 */
export function blame(error: string, resource: Message | undefined, suspects: readonly Document[]): Blame {
  const path = resource === undefined ? undefined : resolve(error, resource)
  const evidence: Evidence = { text: error, names: path?.names ?? [], values: path?.values ?? new Set() }
  const found = suspects.map((document) => {
    const field = bestField(document, evidence)
    return { document, field, score: field.score + nameScore(document, error) }
  })
  const best = found.reduce((a, b) => (b.score > a.score ? b : a))
  const named = found.find(({ document: { kind, name } }) => kind === 'Route' && name === path?.route)
  // The path leads to one route; what it holds of a policy is told by the policy's own values.
  if (named !== undefined) {
    const other = best.field.score >= byContent && best.field.score > named.field.score ? best : named
    const isPolicy = other.document.kind !== 'Route'
    return blameOf(isPolicy ? other : named, true)
  }
  const alike = found.filter(({ score }) => score === best.score).length
  return blameOf(best, suspects.length === 1 || (best.score >= byContent && alike <= maxAlike))
}

/** Resources, and parts of them, are called after rows; short names are words of any sentence. */
function nameScore({ name }: Document, error: string): number {
  return name.length > 3 && isWord(error, name) ? byContent + Math.min(name.length, 20) : 0
}

function blameOf({ document, field }: { document: Document; field: Field }, certain: boolean): Blame {
  return { document, pointer: field.pointer, certain }
}
