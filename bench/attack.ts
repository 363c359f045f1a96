/**
 * The attacker's case: one key far beyond its limit, beside honest keys of the same policy. What it costs the store, and
 * what honest requests feel of it: beside a quiet time, and beside as many requests that have no limit, which take their
 * part of the machine, too. Through Envoy, and at the rate-limit service itself. One command: `npm run bench:attack`.
 */

import { availableParallelism, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { type Door, honestKeys, type Who } from './attack-asks.ts'
import { type AttackStand, limit, type Phase, withAttackStand } from './attack-stand.ts'
import type { Load } from './loads.ts'
import { quantile } from './quantile.ts'

const { values } = parseArgs({
  options: {
    /** Of the attacker, requests a second; each is measured. */
    rates: { type: 'string', default: '2000,20000' },
    /** Of all honest clients together. */
    honest: { type: 'string', default: '200' },
    /** Requests of the attacker under way at most. */
    inFlight: { type: 'string', default: '64' },
    /** weir's `WEIR_STORE_TIMEOUT`; on a machine as busy as this bench makes it 10 ms would often be over. */
    storeTimeout: { type: 'string', default: '1s' },
    seconds: { type: 'string', default: '3' },
    runs: { type: 'string', default: '5' },
  },
})
const [seconds, runs, inFlight] = [values.seconds, values.runs, values.inFlight].map(Number) as [
  number,
  number,
  number,
]
const honest: Load = { who: 'honest', rate: Number(values.honest), inFlight: 90 }
const rates = values.rates.split(',').map(Number)

interface Case {
  door: Door
  /** Who asks besides the honest; nobody in the quiet. */
  beside?: Load
  withHonest: boolean
}

const besides: Record<Door, Who[]> = { envoy: ['attacker', 'free', 'local'], grpc: ['attacker', 'free'] }
const cases = (['envoy', 'grpc'] as const).flatMap((door): Case[] => [
  { door, withHonest: true },
  ...rates.flatMap((rate) => [
    { door, beside: { who: 'attacker' as const, rate, inFlight }, withHonest: false },
    ...besides[door].map((who): Case => ({ door, beside: { who, rate, inFlight }, withHonest: true })),
  ]),
])

function nameOf({ beside, withHonest }: Case, door: Door): string {
  if (beside === undefined) return 'quiet: honest requests alone'
  const names: Record<Who, string> = {
    attacker: withHonest ? 'attack' : 'attack, no honest requests',
    free: door === 'envoy' ? 'as many without a limit, to an upstream' : 'as many health checks',
    local: 'as many without a limit, answered by Envoy',
    honest: '',
  }
  return `${names[beside.who]}, ${beside.rate}/s`
}

const print = (line = '') => void process.stdout.write(`${line}\n`)
const row = (...cells: (string | number)[]) => print(`| ${cells.join(' | ')} |`)

async function all(stand: AttackStand): Promise<Map<Case, Phase[]>> {
  const seen = new Map<Case, Phase[]>(cases.map((each) => [each, []]))
  const run = (each: Case, time: number) =>
    stand.phase(
      each.door,
      [...(each.withHonest ? [honest] : []), ...(each.beside ? [each.beside] : [])],
      time,
    )
  // What runs for the first time is compiled first.
  for (const each of cases) await run(each, 1)
  // In turns, so that what else this machine does meets all of them.
  for (let round = 0; round < runs; round++)
    for (const each of cases) seen.get(each)!.push(await run(each, seconds))
  return seen
}

print(
  `Limit ${limit}/s a key; ${honestKeys} honest keys with ${honest.rate}/s in all, at fixed times whatever is answered. ` +
    `The others: ${inFlight} under way at most. Median of ${runs} runs of ${seconds} s each, and the least of them, ` +
    'which other programs of this machine disturbed least. Times are from when a request was due.\n' +
    `${availableParallelism()} cores for Envoy (one worker), weir, Valkey and clients; load ${loadavg()[0]!.toFixed(1)} before.`,
)
const seen = await withAttackStand(values.storeTimeout, all)
for (const door of ['envoy', 'grpc'] as const) {
  print(door === 'envoy' ? '\nThrough Envoy:\n' : '\nAt the rate-limit service, over gRPC:\n')
  const columns = ['', 'sent/s', 'of them admitted/s', 'store calls/s', 'requests to the store/s']
  columns.push(
    'honest p50 ms',
    'honest p99 ms',
    'beside quiet',
    'least p99',
    'beside quiet',
    'honest not passed',
  )
  columns.push('cores: Envoy', 'weir', 'Valkey', 'clients', 'others')
  row(...columns)
  row(...columns.map(() => '---'))
  for (const each of cases.filter((one) => one.door === door)) printCase(each)
}
const outside = [...seen.values()].flat().reduce((sum, { withoutStore }) => sum + withoutStore, 0)
print(
  `\nRequests that the store did not decide: ${outside}. Load of this machine at the end: ${loadavg()[0]!.toFixed(1)}.`,
)

function median(each: Case, of: (phase: Phase) => number): number {
  return quantile(seen.get(each)!.map(of), 0.5)
}

/** Of the run that other programs disturbed least. */
function least(each: Case, of: (phase: Phase) => number): number {
  return Math.min(...seen.get(each)!.map(of))
}

function printCase(each: Case): void {
  const { beside, withHonest, door } = each
  const shown = (of: (phase: Phase) => number, digits = 0) => median(each, of).toFixed(digits)
  const of = ({ loads }: Phase) => loads.at(-1)!
  const answered = ({ answers }: ReturnType<typeof of>) => answers.passed + answers.refused + answers.other
  const p99 = ({ loads }: Phase) => loads[0]!.p99
  const quiet = cases.find((one) => one.door === door && one.beside === undefined)!
  const ofHonest = !withHonest
    ? ['', '', '', '', '', '']
    : [
        shown(({ loads }) => loads[0]!.p50, 2),
        shown(p99, 2),
        `${(median(each, p99) / median(quiet, p99)).toFixed(2)}x`,
        least(each, p99).toFixed(2),
        `${(least(each, p99) / least(quiet, p99)).toFixed(2)}x`,
        Math.max(...seen.get(each)!.map(({ loads }) => loads[0]!.answers.refused + loads[0]!.answers.other)),
      ]
  row(
    nameOf(each, door),
    beside ? shown((phase) => answered(of(phase)) / of(phase).seconds) : '',
    beside ? shown((phase) => of(phase).answers.passed / of(phase).seconds) : '',
    ...[shown(({ storeCalls }) => storeCalls), shown(({ storeRequests }) => storeRequests), ...ofHonest],
    ...(['envoy', 'weir', 'valkey', 'loads', 'others'] as const).map((part) =>
      shown(({ cores }) => cores[part], 2),
    ),
  )
}
