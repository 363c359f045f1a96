import { randomUUID } from 'node:crypto'
import { userInfo } from 'node:os'
import { type Command, InvalidArgumentError } from 'commander'
import type { WriteAnswer } from '../admin/write.ts'
import { durationProblem, milliseconds } from '../model/duration.ts'
import { type Cli, exitCodes, Usage } from './cli.ts'
import { ApiRefused, type Write } from './client.ts'
import { asJson, asYaml, type Format, outputOption, style } from './output.ts'
import { retold } from './problem-line.ts'
import { printable } from './text.ts'

export interface WriteOptions {
  wait?: boolean
  timeout?: string
  message?: string
  confirm?: string
  output: Format
}

const defaultTimeout = '10s'

/** The options of every command that writes. */
export function withWriteOptions(command: Command): Command {
  return command
    .option('-m, --message <text>', 'why; kept in the history')
    .option('--confirm <token>', 'take away more than half of a gateway; the refusal names the token')
    .option('--wait', 'wait until every connected Envoy concerned has acknowledged it')
    .option('--timeout <duration>', `how long to wait, at most 60s (default: ${defaultTimeout})`, readTimeout)
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .hook('preAction', (_, action) => {
      const { wait, timeout } = action.opts<WriteOptions>()
      if (timeout !== undefined && !wait)
        throw new Usage('--timeout says how long --wait waits: add --wait, or leave out --timeout')
    })
}

function readTimeout(text: string): string {
  try {
    milliseconds(text)
    if (durationProblem(text, { atLeast: '0s', atMost: '60s' }) === undefined) return text
  } catch {
    // Not even a duration.
  }
  throw new InvalidArgumentError('Write a number and its unit (ms, s, m), at most 60s, as in 10s.')
}

/** What the options stand for in a request, with further query parameters. The request may be sent again as it is. */
export function writeRequest(
  { wait, timeout = defaultTimeout, message, confirm }: Omit<WriteOptions, 'output'>,
  parameters: Readonly<Record<string, string>> = {},
) {
  const query = new URLSearchParams({
    ...parameters,
    ...(wait ? { wait: 'acked', timeout } : {}),
    ...(confirm === undefined ? {} : { confirm }),
  })
  const write: Write = {
    key: randomUUID(),
    see: '`weir history` says whether it is there, who wrote it and when.',
  }
  return {
    query: query.size > 0 ? `?${query}` : '',
    waitMs: wait ? milliseconds(timeout) : 0,
    headers: {
      'weir-author': headerText(author()),
      ...(message === undefined ? {} : { 'weir-message': headerText(message) }),
    },
    write,
  }
}

/** UTF-8 in a header, which carries bytes and no control characters. */
function headerText(text: string): string {
  return Buffer.from(text.replaceAll(/\p{Cc}/gu, ' ')).toString('latin1')
}

function author(): string {
  try {
    return userInfo().username
  } catch {
    return 'cli' // A user id without an entry in /etc/passwd, as in some containers.
  }
}

/** Does what writes; a refusal is printed as the problem document that it is, too, where a program reads the output. */
export async function refusalsPrinted<Result>(
  { output }: { output: Format },
  { stdout }: Cli,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ApiRefused && output === 'json') stdout.write(asJson(error.problem))
    if (error instanceof ApiRefused && output === 'yaml') stdout.write(asYaml(error.problem))
    throw error
  }
}

/** Prints what a write did; a fleet that refuses it, or was waited for in vain, is exit code 1. */
export function printWritten(answer: WriteAnswer, options: WriteOptions, cli: Cli): number {
  const { stdout, stderr } = cli
  if (options.output === 'json') stdout.write(asJson(answer))
  else if (options.output === 'yaml') stdout.write(asYaml(answer))
  else stdout.write(summary(answer, options, stdout))
  printWarnings(answer.warnings, cli)
  if (!options.wait) return exitCodes.done
  const { state, envoys, replicas = [] } = answer.delivery
  if (state === 'pending') {
    const within = `within ${options.timeout ?? defaultTimeout}`
    const behind = replicas.filter((each) => each.state === 'pending')
    for (const { name, revision } of behind) {
      const line = `revision ${answer.revision} is written, but the rate-limit service ${name} did not come to it ${within}: it decides by revision ${revision}.`
      stderr.write(`weir: ${printable(line)}\n`)
    }
    if (behind.length === 0 || isAnyPending(envoys)) {
      stderr.write(
        `weir: revision ${answer.revision} is written, but not every Envoy acknowledged it ${within}.\n`,
      )
      stderr.write('weir: `weir fleet` shows which; it is delivered as soon as they answer.\n')
    }
  }
  if (state === 'nacked') {
    stderr.write(`weir: revision ${answer.revision} is written, but Envoys refuse a part of it:\n`)
    for (const line of envoys.flatMap(nackLines)) stderr.write(`weir: ${printable(line)}\n`)
  }
  return state === 'pending' || state === 'nacked' ? exitCodes.refused : exitCodes.done
}

/** One line a warning: what is written and not delivered as it is written. */
export function printWarnings(warnings: WriteAnswer['warnings'], { stderr }: Cli): void {
  const title = style(stderr, 'yellow', 'warning')
  for (const { kind, name, pointer, message, effect } of warnings) {
    stderr.write(
      `weir: ${title}: ${printable(`${[`${kind}/${name}`, ...(pointer === '' ? [] : [pointer])].join(' ')}: ${message} (${retold(effect)})`)}\n`,
    )
  }
}

/** `updated    Route/echo`, a line an object. */
export function changeLines(changes: WriteAnswer['changes'], stream: NodeJS.WriteStream): string[] {
  const colours = { created: 'green', updated: 'yellow', deleted: 'red', unchanged: 'dim' } as const
  return changes.map(
    ({ kind, name, action }) =>
      `${style(stream, colours[action], action.padEnd('unchanged'.length))}  ${printable(`${kind}/${name}`)}`,
  )
}

function summary(
  { revision, changes, delivery }: WriteAnswer,
  { wait }: WriteOptions,
  stream: NodeJS.WriteStream,
): string {
  const told = {
    acked: `acknowledged by ${count(delivery.envoys.length, 'Envoy')}`,
    none: 'no Envoy of these gateways is connected',
    nacked: 'refused by an Envoy',
    pending: 'on its way to the fleet',
  }[delivery.state]
  return `${[...changeLines(changes, stream), `revision ${revision}${wait ? `, ${told}` : ''}`].join('\n')}\n`
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

interface EnvoyReceipt {
  state?: string
  gateway?: string
  id?: string
  nacks?: { type?: string; resource?: string; error?: string; rows?: { kind: string; name: string }[] }[]
}

function isAnyPending(envoys: readonly unknown[]): boolean {
  return envoys.some((envoy) => (envoy as EnvoyReceipt).state === 'pending')
}

function nackLines(envoy: unknown): string[] {
  const { gateway, id, nacks = [] } = envoy as EnvoyReceipt
  return nacks.map(({ type, resource, error, rows = [] }) => {
    const from = rows.length > 0 ? ` (from ${someOf(rows.map(({ kind, name }) => `${kind}/${name}`))})` : ''
    return `${gateway}/${id}: ${type} ${resource}${from}: ${reasonOf(error ?? '')}`
  })
}

const shownNames = 5
const shownCharacters = 500

/** The first few of what may be thousands: the routes of a listener are one resource. */
function someOf(names: readonly string[]): string {
  const more = names.length - shownNames
  return more > 0 ? `${names.slice(0, shownNames).join(', ')} and ${more} more` : names.join(', ')
}

/** Envoy repeats the offending configuration first, and says last what is wrong with it. */
export function reasonOf(error: string): string {
  return error.length > shownCharacters ? `... ${error.slice(-shownCharacters)}` : error
}
