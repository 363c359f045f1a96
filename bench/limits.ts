/**
 * The figures that docs/rate-limiting.md promises, through a real Envoy with clients in parallel: the four rules, and the
 * edit of an override under load. Takes one to two minutes. One command: `npm run bench:limits`.
 */

import { type Figure, figurePolicies, limitFigures } from './limit-figures.ts'
import { type LimitsStand, withLimitsStand } from './limits-stand.ts'
import { overrideFigures, overridePolicies } from './override-edit.ts'

const print = (text: string) => void process.stdout.write(`${text}\n`)

print(
  'Four policies and one that is edited; windows are met at the end of a minute, a queue drains for 50 s ...',
)
const undecided = async (stand: LimitsStand): Promise<Figure> => {
  const seen = await stand.undecided()
  return { what: 'requests without a decision', expected: '0', seen: String(seen), good: seen === 0 }
}
const figures = await withLimitsStand({ ...figurePolicies, ...overridePolicies }, async (stand) => [
  ...(await limitFigures(stand)),
  ...(await overrideFigures(stand)),
  await undecided(stand),
])

print('\n| what | expected | seen | |\n|---|---|---|---|')
for (const { what, expected, seen, good } of figures) {
  print(`| ${what} | ${expected} | ${seen} | ${good ? 'ok' : 'MISSED'} |`)
}
process.exitCode = figures.every(({ good }) => good) ? 0 : 1
