import type { Confirmation } from '../model/confirmation.ts'
import { reductionText } from '../model/confirmation.ts'
import { type Cli, Refused } from './cli.ts'
import { ApiRefused } from './client.ts'
import { style } from './output.ts'
import { confirmed } from './prompt.ts'
import { printable } from './text.ts'
import type { WriteOptions } from './write-result.ts'

/**
 * Makes a write. Where it must be confirmed, a person at a terminal is asked, and the write is sent again with the token
 * of what was shown; a script gets the refusal, with the token in it.
 */
export async function confirmedWrite<Options extends Pick<WriteOptions, 'confirm' | 'output'>, Answer>(
  options: Options,
  cli: Cli,
  send: (options: Options) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await send(options)
  } catch (error) {
    const confirmation = confirmationIn(error)
    if (confirmation === undefined || options.confirm !== undefined || !isAsked(options, cli)) throw error
    printReductions(confirmation, cli)
    if (!(await confirmed(cli, 'Do you mean that?', false))) throw new Refused('nothing is written.')
    return await send({ ...options, confirm: confirmation.token })
  }
}

/** What would fall to fewer than half, a line each. */
export function printReductions({ reductions }: Confirmation, { stderr }: Cli): void {
  const title = style(stderr, 'yellow', 'warning')
  for (const reduction of reductions) stderr.write(`weir: ${title}: ${printable(reductionText(reduction))}\n`)
}

function confirmationIn(error: unknown): Confirmation | undefined {
  return error instanceof ApiRefused ? error.problem.confirmation : undefined
}

/** What a program reads is no place for a question. */
function isAsked({ output }: Pick<WriteOptions, 'output'>, { stdin, stdout }: Cli): boolean {
  return output === 'table' && stdin.isTTY === true && stdout.isTTY === true
}
