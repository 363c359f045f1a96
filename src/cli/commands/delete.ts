import type { WriteAnswer } from '../../admin/write.ts'
import { createClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { confirmedWrite } from '../confirmed-write.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { oneObjectOf } from '../kinds.ts'
import {
  printWritten,
  refusalsPrinted,
  type WriteOptions,
  withWriteOptions,
  writeRequest,
} from '../write-result.ts'

/** `weir delete`: takes one object away. */
export const deleteCommand: AddCommand = (program, cli, done) => {
  const command = program
    .command('delete')
    .description('delete an object that nothing refers to')
    .argument('<kind>', 'a kind (routes, Route) or the object (routes/echo)')
    .argument('[name]', 'name of the object')
    .addHelpText('after', '\nExample: weir delete routes echo')
  withWriteOptions(withConnection(command)).action(
    async (first: string, second: string | undefined, options: WriteOptions & ConnectionOptions) => {
      const { kind, name } = oneObjectOf(first, second)
      const client = createClient(connectionOf(options, cli), cli)
      const send = (given: WriteOptions) => {
        const { query, headers, waitMs, write } = writeRequest(given)
        const path = `/v1/${kind.plural}/${encodeURIComponent(name)}${query}`
        return client({ method: 'DELETE', path, headers, waitMs, write })
      }
      const { text } = await refusalsPrinted(options, cli, () => confirmedWrite(options, cli, send))
      done(printWritten(JSON.parse(text) as WriteAnswer, options, cli))
    },
  )
}
