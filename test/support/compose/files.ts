import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { projectRoot } from '../../../src/project-root.ts'
import { type Compose, composeVariables, readCompose } from './read.ts'

/** What `docker compose up` reads, by path. */
export const composePaths = [
  'docker-compose.yml',
  'examples/compose/weir.yaml',
  'deploy/envoy/edge.yaml',
  'deploy/collector.yaml',
] as const

export type ComposeTexts = Record<(typeof composePaths)[number], string>

// biome-ignore lint/suspicious/noExplicitAny: documents of every shape.
type Any = any

export interface ComposeFiles {
  compose: Compose
  documents: { kind: string; name: string; spec: Any }[]
  bootstrap: Any
  collector: Any
}

export function composeTexts(): ComposeTexts {
  const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8')
  return Object.fromEntries(composePaths.map((path) => [path, read(path)])) as ComposeTexts
}

export function parseComposeTexts(texts: ComposeTexts): ComposeFiles {
  return {
    compose: readCompose(texts['docker-compose.yml'], composeVariables),
    documents: parseAllDocuments(texts['examples/compose/weir.yaml']).map((document) => document.toJS()),
    bootstrap: parse(texts['deploy/envoy/edge.yaml']),
    collector: parse(texts['deploy/collector.yaml']),
  }
}
