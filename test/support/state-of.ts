import { planWrite } from '../../src/model/plan-write.ts'
import { readDocument } from '../../src/model/read-document.ts'
import { emptyState, type State } from '../../src/model/state.ts'
import { kinds } from '../../src/policies/index.ts'

const context = { supervised: true, listenerAddress: '127.0.0.1' }

/** The state that documents make, or nothing where they are refused. */
export function stateOf(documents: readonly object[]): State | undefined {
  const edits = documents.flatMap((value, document) => {
    const read = readDocument(kinds, value)
    return read.document === undefined ? [] : [{ op: 'put' as const, object: read.document, document }]
  })
  if (edits.length < documents.length) return undefined
  const plan = planWrite(kinds, emptyState, edits, context)
  return plan.problems.length === 0 ? plan.next : undefined
}
