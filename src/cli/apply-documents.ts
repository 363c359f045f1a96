import { Option } from 'commander'
import type { DryRunAnswer } from '../admin/dry-run.ts'
import type { WriteAnswer } from '../admin/write.ts'
import type { SourceDocument } from '../files/source.ts'
import type { Cli } from './cli.ts'
import type { Client } from './client.ts'
import { withPlaces } from './documents.ts'
import { withProgress } from './progress.ts'
import { type WriteOptions, writeRequest } from './write-result.ts'

/** `-f`, once or several times. */
export function fileOption(): Option {
  return new Option(
    '-f, --file <path...>',
    'a file, a folder of .yaml, .yml and .json files (its folders, too), or - for standard input',
  ).makeOptionMandatory()
}

export interface ApplyOptions extends Omit<WriteOptions, 'output'> {
  prune?: boolean
  dryRun?: boolean
}

/** Sends documents to `POST /v1/apply`; a refusal names the places in their files. */
export async function applyDocuments(
  client: Client,
  documents: readonly SourceDocument[],
  options: ApplyOptions,
  cli: Cli,
): Promise<WriteAnswer | DryRunAnswer> {
  const { query, headers, waitMs, write } = writeRequest(options, {
    ...(options.prune ? { prune: 'true' } : {}),
    ...(options.dryRun ? { dryRun: 'true' } : {}),
  })
  const answer = client({
    method: 'POST',
    path: `/v1/apply${query}`,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(documents.map(({ value }) => value)),
    waitMs,
    ...(options.dryRun ? {} : { write }),
  })
  const what = `${options.dryRun ? 'comparing' : 'applying'} ${documents.length} documents`
  try {
    const { text } = await withProgress(cli, what, answer)
    return JSON.parse(text) as WriteAnswer | DryRunAnswer
  } catch (error) {
    throw withPlaces(error, documents)
  }
}
