import { InvalidArgumentError, Option } from 'commander'
import type { ExplainAnswer, Question } from '../../admin/routes/explain.ts'
import { createClient } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { type ConnectionOptions, connectionOf, withConnection } from '../connection.ts'
import { keyText, numbersText } from '../limit-text.ts'
import { asJson, asYaml, type Format, outputOption, style, table } from '../output.ts'
import { printable } from '../text.ts'

interface Options extends ConnectionOptions {
  request?: string
  header: Record<string, string[]>
  host?: string
  listener?: string
  clientIp?: string
  output: Format
}

/** `weir explain`: what would become of a request. */
export const explainCommand: AddCommand = (program, cli) => {
  const command = program
    .command('explain')
    .description(
      'say which route a request meets, and what each limit would decide; sends and counts nothing',
    )
    .argument('<gateway>', 'the gateway that it is sent to')
    .argument('<path>', 'its path with the query, as a client writes it')
    .option('-X, --request <method>', 'its method (default: GET)')
    .addOption(
      new Option('-H, --header <name: value>', 'one of its headers; may be repeated')
        .argParser(addHeader)
        .default({}, 'none'),
    )
    .option('--host <host>', 'its Host (default: the header, else localhost)')
    .option('--listener <name>', 'the listener (default: the first that is open)')
    .option('--client-ip <ip>', 'where it comes from (default: 127.0.0.1)')
    .addOption(outputOption(['table', 'json', 'yaml'], 'table'))
    .addHelpText('after', "\nExample: weir explain edge '/orders?page=2' -X POST -H 'x-api-key: a'")
  withConnection(command).action(async (gateway: string, path: string, options: Options) => {
    const client = createClient(connectionOf(options, cli), cli)
    const { text } = await client({
      ...{ method: 'POST', path: '/v1/explain', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify(questionOf(gateway, path, options)),
    })
    const answer = JSON.parse(text) as ExplainAnswer
    if (options.output === 'json') cli.stdout.write(asJson(answer))
    else if (options.output === 'yaml') cli.stdout.write(asYaml(answer))
    else cli.stdout.write(told(answer, cli.stdout))
  })
}

function questionOf(gateway: string, path: string, options: Options): Question {
  const { request: method, header, host, listener, clientIp } = options
  const lines = Object.entries(header).map(([name, values]) => [
    name,
    values.length > 1 ? values : values[0]!,
  ])
  const headers = Object.fromEntries(lines)
  return {
    ...{ gateway, path, headers },
    ...(method !== undefined && { method }),
    ...(host !== undefined && { host }),
    ...(listener !== undefined && { listener }),
    ...(clientIp !== undefined && { clientIp }),
  }
}

/** As curl understands it; each line of a header counts. */
function addHeader(text: string, before: Record<string, string[]>): Record<string, string[]> {
  const colon = text.indexOf(':')
  if (colon < 1) throw new InvalidArgumentError("Write a name, a colon and a value, as in 'x-api-key: a'.")
  const name = text.slice(0, colon).trim()
  const known = Object.keys(before).find((each) => each.toLowerCase() === name.toLowerCase()) ?? name
  return { ...before, [known]: [...(before[known] ?? []), text.slice(colon + 1).trim()] }
}

function told({ request, route, decision, breakers }: ExplainAnswer, stream: NodeJS.WriteStream): string {
  const { gateway, listener, method, host, path, clientIp } = request
  const asked = path === undefined ? '' : `: ${method} ${path} of ${host} from ${clientIp}`
  const { status, reason } = decision
  const rows = limitRows(decision)
  return [
    `${heading('ROUTE', stream)}${route?.name ?? 'none'}`,
    `${heading('REQUEST', stream)}${printable(`${gateway}/${listener}${asked}`)}`,
    ...breakers.map((breaker) => `${heading('BREAKER', stream)}${printable(breakerLine(breaker))}`),
    ...(rows.length === 0 ? [] : ['', table(stream, head, rows)]),
    `${heading('STATUS', stream)}${style(stream, status < 400 ? 'green' : 'red', String(status))}: ${printable(reason)}`,
    '',
  ].join('\n')
}

function breakerLine(breaker: ExplainAnswer['breakers'][number]): string {
  const { cluster, policy, state, halfOpenAt, warnings } = breaker
  const until = halfOpenAt === undefined ? '' : ` until ${halfOpenAt}`
  const doubt = warnings.length === 0 ? '' : ` (${warnings.join('; ')})`
  return `${state}${until}: of cluster ${cluster}, by ${policy}${doubt}`
}

function heading(text: string, stream: NodeJS.WriteStream): string {
  return style(stream, 'bold', `${text}:`.padEnd(9))
}

const head = ['POLICY', 'VERDICT', 'NUMBERS', 'FROM', 'LEFT', 'KEY', 'ID', 'REASON']

function limitRows({ limits, localLimits }: ExplainAnswer['decision']): string[][] {
  const judged = limits.map(
    ({ policy, result, enforced, numbers, from = '-', remaining, limit, key, reason }) => [
      policy,
      enforced || result === 'unknown' ? result : `${result} (shadow)`,
      numbers === undefined ? '-' : numbersText(numbers),
      from,
      remaining === undefined ? '-' : `${remaining} of ${limit}`,
      keyText(key?.parts),
      key?.id ?? '-',
      reason,
    ],
  )
  const local = localLimits.map(({ policy, role, enforced, ...numbers }) => [
    role === 'shield' ? `${policy} (shield)` : policy,
    enforced ? 'not judged' : 'not judged (shadow)',
    numbersText({ algorithm: 'token_bucket', ...numbers }),
    ...['policy', '-', '-', '-', 'each Envoy counts it by itself'],
  ])
  return [...local, ...judged]
}
