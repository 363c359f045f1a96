import { setTimeout as pause } from 'node:timers/promises'
import type { Document } from '../model/document.ts'
import { equalJson } from '../model/equal.ts'
import type { Cli } from './cli.ts'
import { ApiRefused, type Client } from './client.ts'
import { asJsonLine, asYaml, type Format, labelText } from './output.ts'
import { printable } from './text.ts'
import { changeLines } from './write-result.ts'

const intervalMs = 1_000

export interface Watch {
  client: Client
  cli: Cli
  kind: string
  /** The one object that is watched; else a list. */
  name: string | undefined
  format: Format
  /** The objects as they were at a revision. */
  read(revision: number): Promise<Document[]>
}

interface Seen {
  action: 'created' | 'updated' | 'deleted' | 'unchanged'
  document: Document
}

/**
 * Prints the objects and then each of their changes, until Ctrl-C. Only a new revision makes it read them again, and as
 * they were at that one: what is written meanwhile is for the next time.
 */
export async function watch({ client, cli, kind, name, format, read }: Watch): Promise<never> {
  let known = new Map<string, Document>()
  let seenRevision: number | undefined
  const readAt = (revision: number) =>
    // Before the first write there is nothing, and no revision to read it at.
    (revision === 0 && name === undefined ? Promise.resolve([]) : read(revision)).catch((error) => {
      // What is watched by its name may come and go.
      const isGone = error instanceof ApiRefused && error.problem.status === 404
      if (name !== undefined && seenRevision !== undefined && isGone) return []
      throw error
    })
  for (;;) {
    const revision = await newestRevision(client)
    if (revision !== seenRevision) {
      const next = new Map((await readAt(revision)).map((document) => [document.name, document]))
      const changes = changesOf(known, next, seenRevision === undefined)
      cli.stdout.write(changes.map((change) => printed(change, kind, revision, format, cli.stdout)).join(''))
      known = next
      seenRevision = revision
    }
    await pause(intervalMs, undefined, { signal: cli.signal })
  }
}

async function newestRevision(client: Client): Promise<number> {
  const { text } = await client({ method: 'GET', path: '/v1/revisions?limit=1' })
  const { items } = JSON.parse(text) as { items: { revision: number }[] }
  return items[0]?.revision ?? 0
}

function changesOf(
  before: ReadonlyMap<string, Document>,
  after: ReadonlyMap<string, Document>,
  first: boolean,
): Seen[] {
  const gone = [...before.values()].filter(({ name }) => !after.has(name))
  const now = [...after.values()].flatMap((document): Seen[] => {
    if (first) return [{ action: 'unchanged', document }]
    const old = before.get(document.name)
    if (old === undefined) return [{ action: 'created', document }]
    return equalJson(old, document) ? [] : [{ action: 'updated', document }]
  })
  return [...gone.map((document): Seen => ({ action: 'deleted', document })), ...now]
}

/** A line, a line of JSON, or a YAML document a change. */
function printed(
  { action, document }: Seen,
  kind: string,
  revision: number,
  format: Format,
  stream: NodeJS.WriteStream,
): string {
  if (format === 'json') return asJsonLine({ revision, action, document })
  if (format === 'yaml') return `---\n# ${action}, revision ${revision}\n${asYaml(document)}`
  const { name, owner, labels } = document
  const [line] = changeLines([{ kind, name, action }], stream)
  return `${line}  ${printable(`${owner || '-'}  ${labelText(labels)}`)}  revision ${revision}\n`
}
