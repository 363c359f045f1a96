import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { messageOf } from '../errors.ts'
import { type Cli, Refused } from './cli.ts'

/** Opens a file in the user's editor and waits until it is closed. No shell is asked: the setting is split into words. */
export async function edit(file: string, { environment }: Cli): Promise<void> {
  const setting = environment.VISUAL || environment.EDITOR || 'vi'
  const [program, ...args] = words(setting)
  if (program === undefined) throw new Refused('the setting EDITOR is empty.', 'Set it, as in EDITOR=nano.')
  const child = spawn(program, [...args, file], { stdio: 'inherit' })
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    if (code === 0) return
    throw new Refused(`the editor ended with ${code === null ? signal : `code ${code}`}; nothing is written.`)
  } catch (error) {
    if (error instanceof Refused) throw error
    throw new Refused(
      `the editor ${program} cannot be started (${messageOf(error)}).`,
      'Set VISUAL or EDITOR to one that is installed.',
    )
  }
}

/** The words of a command line, with quotes and backslashes as in a shell and nothing else of one. */
export function words(text: string): string[] {
  const found = text.matchAll(/(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+/gs)
  return [...found].map(([word]) =>
    word.replaceAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/gs, (_, single, double, escaped) => {
      if (single !== undefined) return single
      return double === undefined ? escaped : double.replaceAll(/\\(["\\$`])/g, '$1')
    }),
  )
}
