import type { AddCommand } from '../command.ts'

/** `up` and `serve` are dispatched to the program itself before the CLI is asked; here they are listed. */
export const startCommands: AddCommand = (program) => {
  program.command('up').description('start weir with an embedded PostgreSQL and local Envoys')
  program.command('serve').description('start weir on the PostgreSQL of DATABASE_URL')
}
