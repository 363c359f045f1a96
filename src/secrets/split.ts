import { timingSafeEqual } from 'node:crypto'
import type { Problem } from '../errors.ts'
import type { Document } from '../model/document.ts'
import type { Kind } from '../model/kind.ts'
import type { Edit } from '../model/plan-write.ts'
import { type FoundSecret, isSecretRef, mapSecrets, type SecretRef } from '../model/secret.ts'
import { SecretText } from '../model/secret-text.ts'
import { find, type State } from '../model/state.ts'
import { open, seal } from './envelope.ts'
import { type HashKey, keyedHash } from './hash-key.ts'
import { keyFitProblems } from './key-fits.ts'
import type { MasterKey } from './master-key.ts'
import { sharedKeyProblems } from './one-owner.ts'
import type { SecretRow, SecretRows } from './rows.ts'

/** The keys of one write. */
export interface KeysInForce {
  master: MasterKey
  hash: HashKey
  find(id: string): MasterKey | undefined
}

/** Edits whose secrets are `{secretRef}`s, and what is to be stored beside them. */
export interface Split {
  edits: Edit[]
  created: SecretRow[]
  problems: Problem[]
}

/** A secret of an edit, with what stands at its place now. */
export interface EditSecret extends FoundSecret {
  edit: Edit & { op: 'put' }
  stored: string | undefined
}

/**
 * Takes the secrets out of the edits. One that is given in clear becomes the stored one of the same place where the two
 * are equal, else a new one; one that is given by its ref must be a stored one of the same place.
 */
export async function splitSecrets(
  kinds: readonly Kind[],
  rows: SecretRows,
  keys: KeysInForce,
  state: State,
  edits: readonly Edit[],
  newId: () => string,
): Promise<Split> {
  const found = edits.flatMap((edit) => secretsOf(kinds, state, edit))
  const ids = found.flatMap(({ stored, value }) => [stored, isSecretRef(value) ? value.secretRef : undefined])
  const byId = new Map(
    (await rows.byId([...new Set(ids.filter(isUuid))])).map((row): [string, SecretRow] => [row.id, row]),
  )
  const created: SecretRow[] = []
  const problems: Problem[] = []
  const settled = new Map<EditSecret, SecretRow>()
  for (const secret of found) {
    const { value, stored, edit, pointer } = secret
    if (isSecretRef(value)) {
      const wrong = refProblem(keys, secret, byId.get(value.secretRef))
      if (wrong === undefined) settled.set(secret, byId.get(value.secretRef)!)
      else problems.push({ document: edit.document, pointer, ...wrong })
      continue
    }
    const clear = clearOf(value)
    const before = stored === undefined ? undefined : byId.get(stored)
    const same = before !== undefined && holds(keys, before, clear)
    const row = same ? before : newRow(keys, secret, clear, newId())
    if (!same) created.push(row)
    settled.set(secret, row)
  }
  problems.push(...keyFitProblems(state, settled, (row) => opened(keys, row), Date.now()))
  problems.push(...(await sharedKeyProblems(kinds, rows, state, edits, settled, created)))
  return { edits: withRefs(kinds, edits, settled), created, problems }
}

function secretsOf(kinds: readonly Kind[], state: State, edit: Edit): EditSecret[] {
  if (edit.op === 'delete') return []
  const { object } = edit
  const stored = refsOf(kinds, find(state, object.kind, object.name)?.document)
  const secrets: EditSecret[] = []
  eachSecret(kinds, object, (secret) => {
    secrets.push({ ...secret, edit, stored: stored.get(secret.place) })
    return secret.value
  })
  return secrets
}

/** Place -> id of the secrets of a stored document. */
export function refsOf(kinds: readonly Kind[], document: Document | undefined): Map<string, string> {
  const refs = new Map<string, string>()
  if (document === undefined) return refs
  eachSecret(kinds, document, ({ place, value }) => {
    if (isSecretRef(value)) refs.set(place, value.secretRef)
    return value
  })
  return refs
}

function eachSecret(
  kinds: readonly Kind[],
  document: Document,
  map: (secret: FoundSecret) => unknown,
): Document {
  const kind = kinds.find((candidate) => candidate.kind === document.kind)
  if (kind === undefined) return document
  return {
    ...document,
    spec: mapSecrets(kind.spec, document.spec, map, '/spec', '/spec') as Document['spec'],
  }
}

function withRefs(
  kinds: readonly Kind[],
  edits: readonly Edit[],
  settled: ReadonlyMap<EditSecret, SecretRow>,
): Edit[] {
  const refs = new Map<Edit, Map<string, SecretRef>>()
  for (const [{ edit, pointer }, { id }] of settled) {
    const own = refs.get(edit) ?? new Map<string, SecretRef>()
    refs.set(edit, own.set(pointer, { secretRef: id }))
  }
  return edits.map((edit) => {
    const own = refs.get(edit)
    if (edit.op === 'delete' || own === undefined) return edit
    const object = eachSecret(kinds, edit.object, ({ pointer, value }) => own.get(pointer) ?? value)
    return { ...edit, object }
  })
}

function clearOf(value: unknown): string {
  if (value instanceof SecretText) return value.reveal()
  if (typeof value === 'string') return value
  throw new TypeError('A secret is neither text nor a reference.')
}

function newRow(
  { master, hash }: KeysInForce,
  { edit, how, place }: EditSecret,
  clear: string,
  id: string,
): SecretRow {
  const { kind, name } = edit.object
  const belonging = { id, kind, name, pointer: place }
  return how === 'hashed'
    ? { ...belonging, keyId: hash.id, ciphertext: null, keyedHash: keyedHash(hash, clear) }
    : { ...belonging, keyId: master.id, ciphertext: seal(master, belonging, clear), keyedHash: null }
}

/** Whether a stored secret is that text, told in a time that says nothing of either. */
function holds(keys: KeysInForce, row: SecretRow, clear: string): boolean {
  if (!isReadable(keys, row)) return false
  if (row.keyedHash !== null) return timingSafeEqual(row.keyedHash, keyedHash(keys.hash, clear))
  const stored = opened(keys, row)
  // Digests have one length.
  const same = timingSafeEqual(keyedHash(keys.hash, stored.toString('utf8')), keyedHash(keys.hash, clear))
  stored.fill(0)
  return same
}

/** The clear text of an encrypted secret whose key is at hand; the caller wipes it. */
function opened(keys: KeysInForce, row: SecretRow): Buffer {
  return open(keys.find(row.keyId)!, row, row.ciphertext!)
}

function isReadable(keys: KeysInForce, { keyId, keyedHash }: SecretRow): boolean {
  return keyedHash === null ? keys.find(keyId) !== undefined : keyId === keys.hash.id
}

function refProblem(
  keys: KeysInForce,
  { edit, place, how }: EditSecret,
  row: SecretRow | undefined,
): { message: string; remedy: string } | undefined {
  const { kind, name } = edit.object
  const remedy = how === 'hashed' ? 'write the API key itself' : 'write the private key itself'
  if (row === undefined) return { message: 'this server does not have that secret', remedy }
  if (row.kind !== kind || row.name !== name || row.pointer !== place) {
    return { message: `that secret is the one of ${row.kind}/${row.name} at ${row.pointer}`, remedy }
  }
  if (!isReadable(keys, row)) {
    return { message: `that secret is under a key (${row.keyId}) that this server does not have`, remedy }
  }
  return undefined
}

/** The schema lets through what PostgreSQL would not take for a UUID. */
function isUuid(text: string | undefined): text is string {
  return text !== undefined && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
}
