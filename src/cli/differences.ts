import type { ObjectDiff } from '../admin/difference.ts'
import type { Document } from '../model/document.ts'
import type { Client } from './client.ts'
import { kindOf } from './kinds.ts'
import { listAll } from './list.ts'
import type { Difference } from './patch.ts'

/** From how many changed objects of a kind on it is cheaper to read all of the kind. */
const manyOfKind = 10

/** The documents before and after, from what the API says of their differences to the state at a revision. */
export async function documentsOf(
  client: Client,
  diffs: readonly ObjectDiff[],
  revision: number,
): Promise<Difference[]> {
  const updated = diffs.filter(({ action }) => action === 'updated')
  const before = new Map<string, Document>()
  for (const [kind, group] of Map.groupBy(updated, ({ kind }) => kind)) {
    for (const document of await documentsAt(client, kind, group, revision))
      before.set(`${kind}/${document.name}`, document)
  }
  return diffs.map(({ kind, name, action, patch }) => {
    const [step] = patch
    if (action === 'created') return { kind, name, after: step?.value as Document }
    if (action === 'deleted') return { kind, name, before: step?.old as Document }
    const document = before.get(`${kind}/${name}`)
    return { kind, name, before: document, after: patched(document, patch) as Document }
  })
}

async function documentsAt(
  client: Client,
  kind: string,
  group: readonly ObjectDiff[],
  revision: number,
): Promise<Document[]> {
  const { plural } = kindOf(kind)
  if (group.length > manyOfKind) return listAll(client, plural, { at: String(revision) })
  const paths = group.map(({ name }) => `/v1/${plural}/${encodeURIComponent(name)}?at=${revision}`)
  const answers = await Promise.all(paths.map((path) => client({ method: 'GET', path })))
  return answers.map(({ text }) => JSON.parse(text) as Document)
}

/** The value after the steps of a JSON Patch (RFC 6902): those that the API uses. */
export function patched(value: unknown, steps: ObjectDiff['patch']): unknown {
  let root = structuredClone(value)
  for (const { op, path, value: given } of steps) {
    const tokens = path.split('/').slice(1).map(unescaped)
    const last = tokens.pop()
    if (last === undefined) {
      root = given
      continue
    }
    const parent = tokens.reduce((node, token) => (node as Record<string, unknown>)[token], root)
    step(parent, last, op, given)
  }
  return root
}

function step(parent: unknown, key: string, op: ObjectDiff['patch'][number]['op'], value: unknown): void {
  if (Array.isArray(parent)) {
    const index = key === '-' ? parent.length : Number(key)
    if (op === 'add') parent.splice(index, 0, value)
    else if (op === 'remove') parent.splice(index, 1)
    else parent[index] = value
    return
  }
  if (op === 'remove') delete (parent as Record<string, unknown>)[key]
  // Defined, not assigned: a member named `__proto__` is one like any other.
  else Object.defineProperty(parent, key, { value, configurable: true, enumerable: true, writable: true })
}

function unescaped(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~')
}
