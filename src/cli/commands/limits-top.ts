import { setTimeout as pause } from 'node:timers/promises'
import { InvalidArgumentError } from 'commander'
import type { BusyCounter } from '../../admin/limit-json.ts'
import { durationProblem, milliseconds } from '../../model/duration.ts'
import type { Cli } from '../cli.ts'
import { ApiRefused, type Client, createClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { keyText, numbersText } from '../limit-text.ts'
import { listAll } from '../list.ts'
import { asJson, asYaml, type Format, outputOption, table } from '../output.ts'

interface Options extends ConnectionOptions {
  number: number
  interval?: number
  once?: boolean
  output: Format
}

type Busy = BusyCounter & { policy: string }

/** `weir limits top`: who is throttled now and who is close to it, as `top` shows processes. */
export const topCommand: AddCommand = (group, cli) => {
  const command = group
    .command('top')
    .description(
      'show the busiest counters: who is refused, who is close to it; at a terminal again and again',
    )
    .argument('[policy]', 'only those of this RateLimitPolicy')
    .option('-n, --number <count>', 'how many, at most 100', readCount, 20)
    .option('--interval <duration>', 'how often they are read anew (default: 1s)', readInterval)
    .option('--once', 'show them once, at a terminal, too')
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', '\nExample: weir limits top per-key -n 50')
  withConnection(command).action(async (policy: string | undefined, options: Options) => {
    const client = createClient(connectionOf(options, cli), cli)
    const read = async () => (await busiest(client, policy)).slice(0, options.number)
    if (options.output === 'json') cli.stdout.write(asJson(await read()))
    else if (options.output === 'yaml') cli.stdout.write(asYaml(await read()))
    else if (options.once === true || !cli.stdout.isTTY) cli.stdout.write(shown(await read(), cli.stdout))
    else await redraw(cli, options.interval ?? 1_000, read)
  })
}

/** Draws over what it drew before, as many lines as the terminal has, until Ctrl-C. */
async function redraw(
  { stdout, signal }: Cli,
  intervalMs: number,
  read: () => Promise<Busy[]>,
): Promise<never> {
  for (let drawn = 0; ; ) {
    const lines = shown(await read(), stdout)
      .split('\n')
      .slice(0, -1)
    const fitting = lines.slice(0, Math.max(2, (stdout.rows || 24) - 1))
    const up = drawn > 0 ? `\u001b[${drawn}A` : ''
    stdout.write(`${up}${fitting.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`)
    drawn = fitting.length
    await pause(intervalMs, undefined, { signal })
  }
}

/** How many policies are asked for at once. */
const atOnce = 8

async function busiest(client: Client, policy: string | undefined): Promise<Busy[]> {
  if (policy !== undefined) return busyOf(client, policy)
  const names = (await listAll(client, 'rate-limit-policies')).map(({ name }) => name)
  const found: Busy[] = []
  for (let from = 0; from < names.length; from += atOnce) {
    const lists = names.slice(from, from + atOnce).map((name) =>
      busyOf(client, name).catch((error) => {
        // It was deleted meanwhile.
        if (error instanceof ApiRefused && error.problem.status === 404) return []
        throw error
      }),
    )
    found.push(...(await Promise.all(lists)).flat())
  }
  return found.sort((a, b) => b.recent.denied - a.recent.denied || b.recent.admitted - a.recent.admitted)
}

async function busyOf(client: Client, policy: string): Promise<Busy[]> {
  const path = `/v1/rate-limit-policies/${encodeURIComponent(policy)}/keys?top=100`
  const { items } = JSON.parse((await client({ method: 'GET', path })).text) as { items: BusyCounter[] }
  return items.map((item) => ({ policy, ...item }))
}

function shown(items: readonly Busy[], stream: NodeJS.WriteStream): string {
  const head = ['POLICY', 'STATE', 'USED', 'LEFT', 'RESET', 'ADMITTED', 'DENIED', 'NUMBERS', 'ID', 'KEY']
  const rows = items.map(({ policy, state, used, remaining, limit, reset, recent, numbers, id, parts }) => [
    policy,
    // Of a counter that cannot be read now nothing is said.
    state ?? '',
    used === undefined ? '' : String(used),
    remaining === undefined ? '' : `${remaining} of ${limit}`,
    reset === undefined ? '' : `${reset}s`,
    countText(recent.admitted),
    countText(recent.denied),
    numbersText(numbers),
    id,
    keyText(parts),
  ])
  return table(stream, head, rows)
}

/** What halves each minute is no whole number. */
function countText(count: number): string {
  return count < 10 ? String(Math.round(count * 10) / 10) : String(Math.round(count))
}

function readCount(text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && count <= 100) return count
  throw new InvalidArgumentError('Write a whole number from 1 to 100.')
}

function readInterval(text: string): number {
  try {
    const length = milliseconds(text)
    if (durationProblem(text, { atLeast: '100ms', atMost: '1h' }) === undefined) return length
  } catch {
    // Not even a duration.
  }
  throw new InvalidArgumentError('Write a number and its unit (ms, s, m), from 100ms to 1h, as in 2s.')
}
