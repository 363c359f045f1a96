import { randomUUID } from 'node:crypto'
import { userInfo } from 'node:os'
import { type Command, InvalidArgumentError } from 'commander'
import type { HeldRow } from '../admin/context.ts'
import type { WriteAnswer } from '../admin/write.ts'
import { durationProblem, milliseconds } from '../model/duration.ts'
import type { EnvoyReceipt } from '../model/receipt.ts'
import { type Cli, exitCodes, Usage } from './cli.ts'
import { ApiRefused, type Write } from './client.ts'
import { lineOf } from './delivery-frame.ts'
import { isDone } from './delivery-view.ts'
import { asJson, asYaml, type Format, outputOption, style } from './output.ts'
import { retold } from './problem-line.ts'
import { rolloutText } from './rollout-text.ts'
import { printable } from './text.ts'

export interface WriteOptions {
  wait?: boolean
  timeout?: string
  message?: string
  confirm?: string
  output: Format
}

export const defaultTimeout = '10s'

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
  { message, confirm }: Pick<WriteOptions, 'message' | 'confirm'>,
  parameters: Readonly<Record<string, string>> = {},
) {
  const query = new URLSearchParams({ ...parameters, ...(confirm === undefined ? {} : { confirm }) })
  const write: Write = {
    key: randomUUID(),
    see: '`weir history` says whether it is there, who wrote it and when.',
  }
  return {
    query: query.size > 0 ? `?${query}` : '',
    headers: authorshipHeaders(message),
    write,
  }
}

/** Who writes, and why. */
export function authorshipHeaders(message: string | undefined): Record<string, string> {
  return {
    'weir-author': headerText(author()),
    ...(message === undefined ? {} : { 'weir-message': headerText(message) }),
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
  const { state, envoys, replicas = [], rollouts = [], heldBack = [] } = answer.delivery
  const moving = rollouts.filter((each) => each.state !== 'done')
  for (const { gateway, id, replica } of envoys.filter(({ state }) => state === 'unknown')) {
    const why = `${replica}, which had its stream, gives no sign of life, and no other replica has it`
    stderr.write(`weir: ${printable(`nothing is known of the Envoy ${gateway}/${id}: ${why}`)}\n`)
  }
  if (state === 'pending') {
    const within = `within ${options.timeout ?? defaultTimeout}`
    const behind = replicas.filter((each) => each.state === 'pending')
    for (const { name, revision } of behind) {
      const line = `revision ${answer.revision} is written, but the rate-limit service ${name} did not come to it ${within}: it decides by revision ${revision}.`
      stderr.write(`weir: ${printable(line)}\n`)
    }
    if (moving.length > 0) {
      for (const each of moving) stderr.write(`weir: ${printable(rolloutText(each))}\n`)
      stderr.write('weir: `weir rollout status` shows how it goes on.\n')
    } else if (behind.length === 0 || envoys.some(isPending)) {
      stderr.write(
        `weir: revision ${answer.revision} is written, but not every Envoy acknowledged it ${within}.\n`,
      )
      for (const line of someLines(envoys.filter(isPending).map(lineOf))) stderr.write(`weir: ${line}\n`)
      const how = `\`weir delivery ${answer.revision}\` shows how far it is`
      stderr.write(`weir: ${how}; it is delivered as soon as they answer.\n`)
    }
  }
  const reverted = moving.filter((each) => each.state === 'reverted')
  if (state === 'nacked' && reverted.length > 0) {
    stderr.write(`weir: revision ${answer.revision} is written, but not in force:\n`)
    for (const each of reverted) stderr.write(`weir: ${printable(rolloutText(each))}\n`)
  } else if (state === 'nacked') {
    stderr.write(`weir: revision ${answer.revision} is written, but Envoys refuse a part of it:\n`)
    for (const line of [...heldBack.map(heldBackLine), ...envoys.flatMap(nackLines)])
      stderr.write(`weir: ${printable(line)}\n`)
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
    acked: `acknowledged by ${count(delivery.envoys.filter(isDone).length, 'Envoy')}`,
    none: 'no Envoy of these gateways is connected',
    nacked: delivery.rollouts?.some(({ state }) => state === 'reverted') ? 'reverted' : 'refused by an Envoy',
    pending: 'on its way to the fleet',
  }[delivery.state]
  return `${[...changeLines(changes, stream), `revision ${revision}${wait ? `, ${told}` : ''}`].join('\n')}\n`
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

function isPending({ state }: EnvoyReceipt): boolean {
  return state === 'pending' || state === 'sent' || state === 'warming'
}

/** What an Envoy refuses, a line each. */
export function nackLines({ gateway, id, nacks = [] }: EnvoyReceipt): string[] {
  return nacks.map(({ type, resource, error, rows }) => {
    const names = rows.map(({ kind, name, pointer = '' }) => `${kind}/${name}${pointer && ` ${pointer}`}`)
    const from = rows.length > 0 ? ` (from ${someOf(names)})` : ''
    return `${gateway}/${id}: ${type} ${resource}${from}: ${reasonOf(error)}`
  })
}

/** What is held back, why, and what is in force instead. */
export function heldBackLine(row: HeldRow): string {
  const { kind, name, pointer, inForce, gateway, node, type, resource, error } = row
  const field = pointer === '' ? '' : ` ${pointer}`
  const stead =
    inForce === null
      ? 'held back: nothing of it is in force'
      : `held back: revision ${inForce} of it stays in force`
  return `${kind}/${name}${field}: ${stead}; ${gateway}/${node} refuses ${type} ${resource}: ${reasonOf(error)}`
}

function someLines(lines: readonly string[]): string[] {
  const more = lines.length - shownNames
  return more > 0 ? [...lines.slice(0, shownNames), `and ${more} more`] : [...lines]
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
