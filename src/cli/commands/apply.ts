import type { WriteAnswer } from '../../admin/write.ts'
import { Refused } from '../cli.ts'
import { ApiRefused, createClient } from '../client.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { type FileDocument, problemLine, readSources } from '../documents.ts'
import type { AddCommand } from '../main.ts'
import { printable } from '../output.ts'
import { printWritten, type WriteOptions, withWriteOptions, writeRequest } from '../write-result.ts'

/** `weir apply`: creates and changes objects from files, all or none. */
export const applyCommand: AddCommand = (program, cli, done) => {
  const command = program
    .command('apply')
    .description('create or change objects from files, all or none')
    .requiredOption(
      '-f, --file <path...>',
      'a file, a folder of .yaml, .yml and .json files, or - for standard input',
    )
    .addHelpText('after', '\nExample: weir apply -f gateway.yaml --wait -m "open the shop"')
  withWriteOptions(withConnection(command)).action(async (options: Options) => {
    const documents = await readSources(options.file, cli)
    const { query, headers, waitMs } = writeRequest(options)
    const client = createClient(connectionOf(options, cli), cli)
    const { text } = await client({
      method: 'POST',
      path: `/v1/apply${query}`,
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(documents.map(({ value }) => value)),
      waitMs,
    }).catch((error) => {
      throw error instanceof ApiRefused ? withPlaces(error, documents) : error
    })
    done(printWritten(JSON.parse(text) as WriteAnswer, options, cli))
  })
}

interface Options extends WriteOptions, ConnectionOptions {
  file: string[]
}

function withPlaces(refused: ApiRefused, documents: readonly FileDocument[]): Refused {
  const { problems } = refused
  if (problems.length === 0) return refused
  return new Refused(...problems.map((problem) => printable(problemLine(problem, documents))))
}
