import { Command, CommanderError } from 'commander'
import { messageOf, WeirError } from '../errors.ts'
import { version } from '../version.ts'
import { type Cli, exitCodes, Refused, Usage } from './cli.ts'
import type { AddCommand } from './command.ts'
import { applyCommand } from './commands/apply.ts'
import { breakerCommand } from './commands/breaker.ts'
import { completionCommand } from './commands/completion.ts'
import { deleteCommand } from './commands/delete.ts'
import { deliveryCommand } from './commands/delivery.ts'
import { diffCommand } from './commands/diff.ts'
import { downCommand } from './commands/down.ts'
import { editCommand } from './commands/edit.ts'
import { envoyCommand } from './commands/envoy.ts'
import { eventsCommand } from './commands/events.ts'
import { explainCommand } from './commands/explain.ts'
import { explainFieldCommand } from './commands/explain-field.ts'
import { exportCommand } from './commands/export.ts'
import { fleetCommand } from './commands/fleet.ts'
import { getCommand } from './commands/get.ts'
import { historyCommand } from './commands/history.ts'
import { limitsCommand } from './commands/limits.ts'
import { rollbackCommand } from './commands/rollback.ts'
import { rolloutCommand } from './commands/rollout.ts'
import { secretsCommand } from './commands/secrets.ts'
import { startCommands } from './commands/start.ts'
import { tokenCommand } from './commands/token.ts'
import { printable } from './text.ts'

const commands: readonly AddCommand[] = [
  startCommands,
  downCommand,
  applyCommand,
  diffCommand,
  exportCommand,
  getCommand,
  editCommand,
  deleteCommand,
  historyCommand,
  deliveryCommand,
  eventsCommand,
  rollbackCommand,
  explainCommand,
  explainFieldCommand,
  limitsCommand,
  fleetCommand,
  rolloutCommand,
  breakerCommand,
  envoyCommand,
  tokenCommand,
  secretsCommand,
  completionCommand,
]

/** Runs one command line (without node and script) and answers with the exit code. */
export async function main(argv: string[]): Promise<number> {
  const interrupt = new AbortController()
  const onInterrupt = () => interrupt.abort()
  process.once('SIGINT', onInterrupt)
  const { env, stdout, stderr, stdin } = process
  const cli: Cli = { environment: env, stdout, stderr, stdin, signal: interrupt.signal }
  let code: number = exitCodes.done
  try {
    await program(cli, (given) => {
      code = given
    }).parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    if (interrupt.signal.aborted) return exitCodes.interrupted
    return explain(error, cli)
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}

/** The command line for those who only read its help. */
export function helpRoot(): Command {
  const { env, stdout, stderr, stdin } = process
  const { signal } = new AbortController()
  return program({ environment: env, stdout, stderr, stdin, signal }, () => undefined)
}

function program(cli: Cli, done: (code: number) => void): Command {
  const root = new Command('weir')
    .description('A control plane for a fleet of Envoy proxies.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print the help of a command')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => cli.stdout.write(text),
      writeErr: (text) => cli.stderr.write(text),
      outputError: (text, write) =>
        write(
          text
            .replace(/^error: /, 'weir: ')
            .split('\n')
            .map(printable)
            .join('\n'),
        ),
    })
    .showHelpAfterError('(--help says what is understood)')
    .addHelpText(
      'after',
      '\nExample: weir apply -f examples/quickstart --wait\n' +
        'Exit codes: 0 done, 1 refused, 2 wrong usage, 3 diff found something, 130 Ctrl-C.',
    )
  for (const add of commands) add(root, cli, done)
  return root
}

function explain(error: unknown, { stderr }: Cli): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
  if (error instanceof Usage) {
    stderr.write(`weir: ${printable(error.message)}\n`)
    return exitCodes.usage
  }
  for (const line of linesOf(error)) stderr.write(`weir: ${printable(line)}\n`)
  return exitCodes.refused
}

/** A fault of ours keeps its stack. */
function linesOf(error: unknown): readonly string[] {
  if (error instanceof Refused) return error.lines
  if (error instanceof WeirError || !(error instanceof Error)) return [messageOf(error)]
  return (error.stack ?? error.message).split('\n')
}
