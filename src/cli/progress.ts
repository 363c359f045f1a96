import type { Cli } from './cli.ts'

const patienceMs = 500

/** Says at a terminal what is being done and for how long, once it takes long; the line goes away at the end. */
export async function withProgress<Result>(cli: Cli, what: string, work: Promise<Result>): Promise<Result> {
  const { stderr } = cli
  if (!stderr.isTTY) return work
  const startedAt = performance.now()
  const timer = setInterval(() => {
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
    stderr.write(`\r\u001b[K${what} (${seconds} s)`)
  }, patienceMs)
  try {
    return await work
  } finally {
    clearInterval(timer)
    if (performance.now() - startedAt >= patienceMs) stderr.write('\r\u001b[K')
  }
}
