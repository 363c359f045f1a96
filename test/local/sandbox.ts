import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { stopProcess } from '../../src/local/child.ts'
import { readRecord, recordNames } from '../../src/local/run-record.ts'
import type { Event, Observe } from '../../src/observe.ts'

/** A data dir of the test's own; what its records name is ended afterwards, however the test ends. */
export function dataDirFor(t: TestContext): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'weir-local-'))
  t.after(async () => {
    for (const name of recordNames(dataDir)) {
      const record = readRecord(dataDir, name)
      if (record !== undefined) await stopProcess(record, [{ signal: 'SIGKILL', graceMs: 5_000 }])
    }
    rmSync(dataDir, { recursive: true, force: true })
  })
  return dataDir
}

type Named<Name extends Event['event']> = Extract<Event, { event: Name }>

/** Keeps what was observed, and lets a test await the next event of a name. */
export function recorder() {
  const events: Event[] = []
  const waiting: { name: string; resolve: (event: Event) => void }[] = []
  const observe: Observe = (event) => {
    events.push(event)
    const index = waiting.findIndex(({ name }) => name === event.event)
    if (index >= 0) waiting.splice(index, 1)[0]?.resolve(event)
  }
  const next = <Name extends Event['event']>(name: Name) =>
    new Promise<Named<Name>>((resolve) => waiting.push({ name, resolve: resolve as (event: Event) => void }))
  const all = <Name extends Event['event']>(name: Name) =>
    events.filter((event): event is Named<Name> => event.event === name)
  return { observe, next, all }
}

export interface Program {
  pid: number
  /** The next line of its standard output. */
  line(): Promise<string>
  kill(signal: NodeJS.Signals): void
  exited: Promise<{ code: number | null; signal: string | null }>
  stderr(): string
}

/** Runs a program that speaks in lines; it is killed when the test ends. */
export function program(
  t: TestContext,
  file: string,
  args: string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string; detached?: boolean } = {},
): Program {
  const child: ChildProcess = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  t.after(() => child.kill('SIGKILL'))
  return {
    pid: child.pid!,
    kill: (signal) => child.kill(signal),
    exited,
    stderr: () => text,
    async line() {
      const { value, done } = await lines.next()
      if (done) throw new Error(`${file} ended without a further line: ${text}`)
      return value
    },
  }
}

/** Runs TypeScript, given as text, by this Node; imports are relative to this folder. */
export function script(t: TestContext, text: string): Program {
  return program(t, process.execPath, ['--input-type=module-typescript', '-e', text], {
    cwd: import.meta.dirname,
  })
}

/** Polls, for what cannot be awaited. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  ms = 20_000,
): Promise<void> {
  const deadline = performance.now() + ms
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${ms} ms`)
    await delay(20)
  }
}
