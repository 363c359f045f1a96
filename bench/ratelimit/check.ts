import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from '../../src/project-root.ts'
import type { References } from '../references.ts'
import { head, row } from '../table.ts'
import { measure } from './measure.ts'
import { isAsked, options } from './options.ts'
import { method, question } from './question.ts'
import { startLimitador, startWeir } from './services.ts'

const run = promisify(execFile)
const load = { policies: 1, keys: 1 }
/** Bytes before a gRPC message, which ghz writes itself. */
const prefix = 5

/** The load's figures beside those of others' loads, over the same two connections with 64 calls in flight on each. */
export async function check({ h2load, ghz, limitador }: References): Promise<void> {
  const starts = {
    lane: () => startWeir('lane', load),
    'grpc-js': () => startWeir('grpc-js', load),
    ...(limitador !== undefined && { Limitador: () => startLimitador(limitador, load) }),
  }
  head('', 'load', 'decisions/s', 'p99 ms')
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-check-'))
  const body = join(folder, 'body')
  try {
    for (const [name, start] of Object.entries(starts)) {
      if (!isAsked(name)) continue
      const service = await start()
      try {
        const own = await measure(service, load, options)
        row(name, 'own', own.perSecond.toFixed(0), own.p99.toFixed(2))
        const { message } = question(service.dialect, load.policies)
        writeFileSync(body, message)
        if (h2load !== undefined) row(name, 'h2load', ...(await byH2load(h2load, service.port, body)))
        writeFileSync(body, message.subarray(prefix))
        if (ghz !== undefined) row(name, 'ghz', ...(await byGhz(ghz, service.port, body)))
      } finally {
        await service.stop()
      }
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** It tells quantiles only by a log of every request, which would cost more than the requests. */
async function byH2load(binary: string, port: number, body: string): Promise<string[]> {
  const { stdout } = await run(binary, [
    ...['-c', '2', '-m', '64', '-t', '1', '-D', String(options.seconds), '-d', body],
    ...['-H', 'content-type: application/grpc', '-H', 'te: trailers'],
    `http://127.0.0.1:${port}${method}`,
  ])
  const perSecond = /finished in .*, ([\d.]+) req\/s/.exec(stdout)?.[1]
  if (perSecond === undefined || !stdout.includes(' 0 failed')) throw new Error(`h2load:\n${stdout}`)
  return [Number(perSecond).toFixed(0), '']
}

interface GhzReport {
  rps: number
  errorDistribution: Record<string, number>
  latencyDistribution: { percentage: number; latency: number }[]
}

async function byGhz(binary: string, port: number, body: string): Promise<string[]> {
  const { stdout } = await run(
    binary,
    [
      ...['--insecure', '--proto', 'envoy/service/ratelimit/v3/rls.proto', '--import-paths', 'proto'],
      ...['--call', method.slice(1), '--connections', '2', '-c', '128', '-z', `${options.seconds}s`],
      ...['--duration-stop', 'wait', '-B', body, '-O', 'json', `127.0.0.1:${port}`],
    ],
    { cwd: projectRoot, maxBuffer: 2 ** 29 },
  )
  const { rps, errorDistribution, latencyDistribution }: GhzReport = JSON.parse(stdout)
  if (Object.keys(errorDistribution).length > 0) throw new Error(`ghz: ${JSON.stringify(errorDistribution)}`)
  const p99 = latencyDistribution.find(({ percentage }) => percentage === 99)!.latency
  return [rps.toFixed(0), (p99 / 1e6).toFixed(2)]
}
