import { createHash } from 'node:crypto'
import type { Document } from '../../src/model/document.ts'
import { planWrite } from '../../src/model/plan-write.ts'
import { readDocument } from '../../src/model/read-document.ts'
import { mapSecrets } from '../../src/model/secret.ts'
import { SecretText } from '../../src/model/secret-text.ts'
import { emptyState, type State } from '../../src/model/state.ts'
import { kinds } from '../../src/policies/index.ts'

const context = { supervised: true, listenerAddress: '127.0.0.1' }

/** The state that documents make, or nothing where they are refused. Their secrets become references to `secretsOf`. */
export function stateOf(documents: readonly object[]): State | undefined {
  const edits = documents.flatMap((value, document) => {
    const read = readDocument(kinds, value)
    if (read.document === undefined) return []
    return [{ op: 'put' as const, object: eachSecret(read.document, refOf), document }]
  })
  if (edits.length < documents.length) return undefined
  const plan = planWrite(kinds, emptyState, edits, context)
  return plan.problems.length === 0 ? plan.next : undefined
}

/** The secrets that documents hold in clear, by the id to which `stateOf` refers: the same text has the same. */
export function secretsOf(documents: readonly object[]): Map<string, SecretText> {
  const found = new Map<string, SecretText>()
  for (const value of documents) {
    const { document } = readDocument(kinds, value)
    if (document === undefined) continue
    eachSecret(document, (secret) => {
      if (secret instanceof SecretText) found.set(refOf(secret).secretRef, secret)
      return secret
    })
  }
  return found
}

function eachSecret(document: Document, map: (value: unknown) => unknown): Document {
  const { spec } = kinds.find(({ kind }) => kind === document.kind)!
  return { ...document, spec: mapSecrets(spec, document.spec, ({ value }) => map(value)) as Document['spec'] }
}

function refOf(value: unknown): { secretRef: string } {
  if (!(value instanceof SecretText)) return value as { secretRef: string }
  const hex = createHash('sha256').update(value.reveal()).digest('hex')
  return { secretRef: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5') }
}
