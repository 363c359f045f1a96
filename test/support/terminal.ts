import { spawn } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { projectRoot } from '../../src/project-root.ts'

export interface Step {
  /** What must have been printed since the step before. */
  await: string
  send: string
}

export interface TerminalOptions {
  environment?: Record<string, string>
  columns?: number
  steps?: Step[]
}

/** Runs a program at a pseudo-terminal, with `weir` in its PATH, and answers with all that it showed. */
export async function atTerminal(
  program: readonly string[],
  { environment = {}, columns = 100, steps = [] }: TerminalOptions = {},
): Promise<{ code: number | null; shown: string; stderr: string }> {
  const path = [join(projectRoot, 'bin'), dirname(process.execPath), process.env.PATH].join(delimiter)
  const driver = join(import.meta.dirname, 'at_terminal.py')
  const child = spawn('python3', [driver, String(columns), JSON.stringify(steps), ...program], {
    env: { PATH: path, HOME: '/nonexistent', TERM: 'xterm-256color', LC_ALL: 'C.UTF-8', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const [shown, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await ended, shown, stderr }
}
