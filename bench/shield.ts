/**
 * What a shield holds off: one key asks 20,000 times a second at a limit of 100 a second, beside 100 clients that keep to
 * theirs, without and with `shield: 10x`. One command: `npm run bench:shield`; takes about a minute.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { honestKeys, policy } from './attack-asks.ts'
import { cpuOf } from './cpu.ts'
import { type LimitsStand, withLimitsStand } from './limits-stand.ts'
import { endLoad, startLoad } from './loads.ts'
import { head, print, row } from './table.ts'

const rate = 20_000
const seconds = 10
/** Of all clients together; each has its share of it, far below the limit. */
const honestRate = 500
const limit = 100
const times = 10
const spec = { algorithm: 'fixed_window', limit, window: '1s', key: [{ header: 'x-tenant' }] }

interface Seen {
  title: string
  seconds: number
  /** Requests of the flood that were answered. */
  sent: number
  /** Questions about its key. */
  reached: number
  admitted: number
  honest: { sent: number; admitted: number; p50: number; p99: number }
  /** Cores that were busy. */
  cores: { envoy: number; weir: number }
}

async function phase(stand: LimitsStand, title: string, more: object): Promise<Seen> {
  const { weir, envoy, port } = stand
  await weir.apply({ kind: 'RateLimitPolicy', name: policy, spec: { ...spec, ...more } })
  const flood = await startLoad('envoy', port, { who: 'attacker', rate, inFlight: 100 })
  const clients = await startLoad('envoy', port, { who: 'honest', rate: honestRate, inFlight: 50 })
  const look = async () => ({
    asked: await weir.metric('weir_ratelimit_decisions_total', { policy }),
    cpu: [envoy.pid, weir.pid].map(cpuOf),
  })
  const before = await look()
  for (const load of [flood, clients]) load.send('begin')
  await delay(seconds * 1_000)
  const [seen, honest] = await Promise.all([endLoad(flood), endLoad(clients)])
  const after = await look()
  const sum = (answers: Record<string, number>) => Object.values(answers).reduce((a, b) => a + b, 0)
  const [ofEnvoy, ofWeir] = after.cpu.map((cpu, index) => (cpu - before.cpu[index]!) / 1e6 / seen.seconds)
  return {
    ...{ title, seconds: seen.seconds, sent: sum(seen.answers), admitted: seen.answers.passed },
    reached: after.asked - before.asked - sum(honest.answers),
    honest: { sent: sum(honest.answers), admitted: honest.answers.passed, p50: honest.p50, p99: honest.p99 },
    cores: { envoy: ofEnvoy!, weir: ofWeir! },
  }
}

print(
  `One key at ${rate} requests/s for ${seconds} s, limit ${limit}/s, beside ${honestKeys} clients, ${honestRate}/s together ...\n`,
)
const phases = await withLimitsStand({ [policy]: spec }, async (stand) => [
  await phase(stand, 'none', {}),
  await phase(stand, `${times}x`, { shield: `${times}x` }),
])

head(
  ...['shield', 'sent/s', 'reach the service/s', 'admitted/s', 'cores of Envoy', 'cores of weir'],
  ...['clients within their limit admitted', 'p50 ms', 'p99 ms'],
)
for (const { title, seconds, sent, reached, admitted, honest, cores } of phases) {
  const perSecond = (count: number) => Math.round(count / seconds)
  row(
    ...[title, perSecond(sent), perSecond(reached), perSecond(admitted)],
    ...[cores.envoy.toFixed(2), cores.weir.toFixed(2)],
    ...[`${honest.admitted} of ${honest.sent}`, honest.p50.toFixed(1), honest.p99.toFixed(1)],
  )
}
// A bucket that is full, and what is refilled.
const shielded = phases[1]!
const most = Math.ceil(limit * times * (1 + shielded.seconds))
const isHeld = shielded.reached <= most
const areAdmitted = phases.every(({ honest }) => honest.admitted === honest.sent)
print(`\nthrough the shield ${shielded.reached} came, at most ${most}: ${isHeld ? 'ok' : 'MISSED'}`)
print(`who keeps to its limit is admitted in both: ${areAdmitted ? 'ok' : 'MISSED'}`)
process.exitCode = isHeld && areAdmitted ? 0 : 1
