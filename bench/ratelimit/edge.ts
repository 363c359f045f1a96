import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startValkey } from '../../test/support/valkey.ts'
import { cpuOf } from '../cpu.ts'
import type { References } from '../references.ts'
import { head, print, row } from '../table.ts'
import { type Gateway, startEnvoy } from './envoy.ts'
import { timesFaster, verdict } from './goals.ts'
import { startLimitReq, startUpstream } from './nginx.ts'
import { isAsked, options } from './options.ts'
import { digits } from './question.ts'
import type { Service } from './service.ts'
import { type Load, startReference, startWeir } from './services.ts'

const load: Load = { policies: 1, keys: 100_000 }
const connections = 32

/** Random keys of the same header that the limit counts by. */
const script = `
request = function()
  return wrk.format('GET', '/', {['x-tenant'] = string.format('tenant-%0${digits}d', math.random(0, ${load.keys - 1}))})
end`

interface Seen {
  perSecond: number
  p50: string
  p99: string
}

/** Requests through one core of a proxy, each of which is decided, before an upstream that costs next to nothing. */
export async function edge({ wrk, nginx, envoyproxy }: References): Promise<void> {
  if (wrk === undefined || nginx === undefined)
    return print('Without wrk and nginx nothing is sent through a proxy.')
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-edge-'))
  writeFileSync(join(folder, 'load.lua'), script)
  const upstream = await startUpstream(nginx)
  head('', 'requests/s', 'p50', 'p99', 'proxy, us', 'service and store, us', 'goal')
  let reference: Seen | undefined

  function judged({ perSecond }: Seen): string {
    if (reference === undefined) return 'no reference'
    const times = perSecond / reference.perSecond
    return `>= ${timesFaster}x: ${times.toFixed(1)}x ${verdict(times >= timesFaster)}`
  }

  async function through(name: string, start: () => Promise<Gateway>, service?: Service): Promise<Seen> {
    const proxy = await start()
    try {
      const pids = [service?.pids.service, service?.pids.store].filter((pid) => pid !== undefined)
      await run(wrk!, folder, proxy.port, options.warmSeconds)
      const before = { proxy: cpuOf(proxy.pid), service: sum(pids.map(cpuOf)) }
      const seen = await run(wrk!, folder, proxy.port, options.seconds)
      const answers = seen.perSecond * options.seconds
      row(
        ...[name, seen.perSecond.toFixed(0), seen.p50, seen.p99],
        ((cpuOf(proxy.pid) - before.proxy) / answers).toFixed(1),
        service === undefined ? '' : ((sum(pids.map(cpuOf)) - before.service) / answers).toFixed(1),
        name.startsWith('lane') ? judged(seen) : '',
      )
      return seen
    } finally {
      await proxy.stop()
    }
  }

  async function limited(name: string, start: () => Promise<Service>): Promise<Seen | undefined> {
    if (!isAsked(name)) return undefined
    const service = await start()
    try {
      return await through(name, () => startEnvoy(upstream.port, service), service)
    } finally {
      await service.stop()
    }
  }

  try {
    const valkey = await startValkey()
    try {
      if (envoyproxy !== undefined)
        reference = await limited('envoyproxy/ratelimit', () => startReference(envoyproxy, valkey))
      for (const transport of ['grpc-js', 'lane'])
        await limited(`${transport}, valkey`, () => startWeir(transport, load, valkey))
    } finally {
      await valkey.stop()
    }
    for (const transport of ['grpc-js', 'http2', 'lane'])
      await limited(`${transport}, memory`, () => startWeir(transport, load))
    if (isAsked('no limit')) await through('no limit', () => startEnvoy(upstream.port))
    if (isAsked('nginx limit_req'))
      await through('nginx limit_req', () => startLimitReq(nginx, upstream.port))
  } finally {
    await upstream.stop()
    rmSync(folder, { recursive: true })
  }
}

async function run(wrk: string, folder: string, port: number, seconds: number): Promise<Seen> {
  const { stdout } = await promisify(execFile)(wrk, [
    ...[
      '-t',
      '1',
      '-c',
      String(connections),
      '-d',
      `${seconds}s`,
      '--latency',
      '-s',
      join(folder, 'load.lua'),
    ],
    `http://127.0.0.1:${port}/`,
  ])
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`wrk:\n${stdout}`)
  const found = (pattern: RegExp) => pattern.exec(stdout)?.[1] ?? 'unknown'
  return {
    perSecond: Number(found(/Requests\/sec: +([\d.]+)/)),
    p50: found(/50% +(\S+)/),
    p99: found(/99% +(\S+)/),
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((one, other) => one + other, 0)
