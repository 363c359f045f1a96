import { createInterface } from 'node:readline/promises'
import { type Cli, Usage } from './cli.ts'

/** Asks a yes-or-no question at a terminal; elsewhere `--yes` must have been said. Ctrl-C is no answer. */
export async function confirmed(cli: Cli, question: string, yes: boolean): Promise<boolean> {
  if (yes) return true
  const { stdin, stdout, signal } = cli
  if (!stdin.isTTY || !stdout.isTTY)
    throw new Usage('this asks for a confirmation: add --yes, or run it at a terminal')
  const lines = createInterface({ input: stdin, output: stdout })
  // At a terminal readline takes Ctrl-C for itself.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  // The end of the input is a no.
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `, { signal }), closed])
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}
