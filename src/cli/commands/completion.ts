import { Argument } from 'commander'
import { milliseconds } from '../../model/duration.ts'
import type { Cli } from '../cli.ts'
import { createClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { complete } from '../complete.ts'
import { completionScripts, shells } from '../completion-scripts.ts'
import { connectionOf } from '../connection.ts'

/** How long names are waited for: whoever presses TAB sees nothing meanwhile. */
const patienceMs = 1_000

/** A slow way to the server is worth waiting for to some. */
function patience({ environment }: Cli): number {
  const given = environment.WEIR_COMPLETION_TIMEOUT
  try {
    return given ? Math.min(milliseconds(given), 60_000) : patienceMs
  } catch {
    return patienceMs
  }
}

/** `weir completion`: a script for a shell, which asks `weir complete` for each TAB. */
export const completionCommand: AddCommand = (program, cli) => {
  program
    .command('completion')
    .description('print what makes a shell complete commands, options, kinds and names of objects')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .addHelpText(
      'after',
      '\nExample, in ~/.bashrc: source <(weir completion bash)\n' +
        'In ~/.zshrc, after compinit: source <(weir completion zsh)\n' +
        'In ~/.config/fish/config.fish: weir completion fish | source\n' +
        'Names of objects are waited for 1s, or as long as WEIR_COMPLETION_TIMEOUT says.',
    )
    .action((shell: (typeof shells)[number]) => void cli.stdout.write(completionScripts[shell]))

  program
    .command('complete', { hidden: true })
    .argument('[words...]', 'the words of a command line after its first, up to the one to complete')
    .helpOption(false)
    .action(async (words: string[]) => {
      const signal = AbortSignal.any([cli.signal, AbortSignal.timeout(patience(cli))])
      const ask = () => createClient(connectionOf({}, cli), { ...cli, signal })
      // A word that cannot be completed is nothing to tell anybody of in the middle of a line.
      const candidates = await complete(program, words, ask).catch(() => [])
      cli.stdout.write(candidates.map((candidate) => `${candidate}\n`).join(''))
    })
}
