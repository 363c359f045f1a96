import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { projectRoot } from '../../src/project-root.ts'
import { freePort } from './ports.ts'

export interface WeirOptions {
  command?: 'up' | 'serve'
  dataDir?: string
  environment?: Record<string, string>
}

export interface Answer {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  body: any
}

export interface Weir {
  pid: number
  url: string
  token: string
  xdsPort: number
  rlsPort: number
  dataDir: string
  /** A request to the admin API with the token; a document or a list of them is sent as YAML, a PATCH must be JSON. */
  api(method: string, path: string, documents?: object | object[] | string): Promise<Answer>
  /** The same, confirmed where that is asked for. */
  confirmed(method: string, path: string, documents?: object | object[] | string): Promise<Answer>
  /** Applies documents and waits until every Envoy has them; fails the test unless that is so. */
  apply(...documents: object[]): Promise<Answer>
  /** The value of a metric, summed over the label sets that hold all of `labels`. */
  metric(name: string, labels?: Record<string, string>): Promise<number>
  output(): string
  /** Sends a signal and waits for the end; answers with the exit code. */
  end(signal?: NodeJS.Signals): Promise<number | null>
}

/** Starts the real program in a process of its own and waits until it says that it is ready. */
export async function startWeir(options: WeirOptions = {}): Promise<Weir> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'weir-test-'))
  const ports = { xds: await freePort(), rls: await freePort(), admin: await freePort() }
  const child = spawn(process.execPath, [join(projectRoot, 'bin', 'weir'), options.command ?? 'serve'], {
    env: {
      ...process.env,
      WEIR_DATA_DIR: dataDir,
      WEIR_ADMIN_ADDR: `127.0.0.1:${ports.admin}`,
      WEIR_XDS_ADDR: `127.0.0.1:${ports.xds}`,
      WEIR_RLS_ADDR: `127.0.0.1:${ports.rls}`,
      WEIR_LISTENER_ADDRESS: '127.0.0.1',
      WEIR_DRAIN_DELAY: '0s',
      ...options.environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = collect(child)
  await ready(child, output).catch((error: unknown) => {
    // Nobody else would end it, and a test's process waits for it.
    child.kill()
    throw error
  })
  const token = options.environment?.WEIR_ADMIN_TOKEN ?? readFileSync(join(dataDir, 'token'), 'utf8').trim()
  const holder = JSON.parse(readFileSync(join(dataDir, 'weir.json'), 'utf8'))
  const environment = options.environment ?? {}
  const portOf = (variable: string, otherwise: number) =>
    Number(environment[variable]?.split(':').at(-1) ?? otherwise)
  const weir: Weir = {
    pid: holder.pid,
    url: holder.admin,
    token,
    xdsPort: portOf('WEIR_XDS_ADDR', ports.xds),
    rlsPort: portOf('WEIR_RLS_ADDR', ports.rls),
    dataDir,
    api: (method, path, documents) => api(weir, method, path, documents),
    async confirmed(method, path, documents) {
      const answer = await weir.api(method, path, documents)
      const { token } = answer.body.confirmation ?? {}
      const joint = path.includes('?') ? '&' : '?'
      return token === undefined ? answer : weir.api(method, `${path}${joint}confirm=${token}`, documents)
    },
    async apply(...documents) {
      const answer = await weir.api('POST', '/v1/apply?wait=acked&timeout=30s', documents)
      const { state } = answer.body.delivery ?? {}
      if (answer.status !== 200 || (state !== 'acked' && state !== 'none')) {
        throw new Error(`apply answered ${answer.status}: ${JSON.stringify(answer.body)}`)
      }
      return answer
    },
    metric: async (name, labels = {}) => sumMetric((await weir.api('GET', '/metrics')).body, name, labels),
    output: () => output.join(''),
    async end(signal = 'SIGTERM') {
      const ended = once(child, 'exit')
      if (child.exitCode === null && child.signalCode === null) {
        process.kill(holder.pid, signal)
        await ended
      }
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
      return child.exitCode
    },
  }
  return weir
}

function collect(child: ChildProcess): string[] {
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => output.push(text))
  }
  return output
}

/** Under `serve` the log says it, under `up` the panel does. */
function ready(child: ChildProcess, output: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const text = output.join('')
      if (/"msg":"ready"|weir is ready/.test(text)) settle(resolve)
    }
    const fail = (code: number | null, signal: string | null) => {
      const why = `weir ended at its start (${signal ?? code}):\n${output.join('')}`
      settle(() => reject(new Error(why)))
    }
    const late = setTimeout(
      () => settle(() => reject(new Error(`weir was not ready in 60 s:\n${output.join('')}`))),
      60_000,
    )
    function settle(then: () => void): void {
      clearTimeout(late)
      child.off('close', fail)
      child.stdout?.off('data', look)
      then()
    }
    child.once('close', fail) // After the last of its output.
    child.stdout?.on('data', look)
    look()
  })
}

async function api(
  weir: Weir,
  method: string,
  path: string,
  documents?: object | object[] | string,
): Promise<Answer> {
  const headers: Record<string, string> = { authorization: `Bearer ${weir.token}` }
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/yaml'
  if (documents !== undefined) headers['content-type'] = type
  const text =
    documents === undefined || typeof documents === 'string'
      ? documents
      : [documents]
          .flat()
          .map((document) => stringify(document))
          .join('---\n')
  const response = await fetch(weir.url + path, {
    method,
    headers,
    ...(text === undefined ? {} : { body: text }),
  })
  const body = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(body) : body }
}

function sumMetric(text: string, name: string, labels: Record<string, string>): number {
  const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`)
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => wanted.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
