import type { AddCommand } from '../command.ts'
import { grantCommand, peekCommand, resetCommand } from './limits-counter.ts'
import { topCommand } from './limits-top.ts'

/** `weir limits`: the counters of rate-limit policies. */
export const limitsCommand: AddCommand = (program, cli, done) => {
  const group = program
    .command('limits')
    .description(
      'limits top, limits peek, limits reset, limits grant: who is limited, and the counters of that',
    )
    .helpCommand(false)
    .addHelpText('after', '\nExample: weir limits top per-key')
  for (const add of [topCommand, peekCommand, resetCommand, grantCommand]) add(group, cli, done)
}
