import type { Script } from './scripts.ts'

/** What of a client sends commands. */
export interface Commands {
  callBuffer(command: string, ...args: (string | number)[]): Promise<unknown>
}

/**
 * Runs a script by its hash, and by its text where the server does not know it: it was restarted, or took over. Each call
 * finds that out for itself, so that it does not matter what else is on its way.
 */
export async function runScript(
  client: Commands,
  { sha, text }: Script,
  keys: readonly string[],
  args: readonly string[],
): Promise<Buffer[]> {
  try {
    return (await client.callBuffer('EVALSHA', sha, keys.length, ...keys, ...args)) as Buffer[]
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    return (await client.callBuffer('EVAL', text, keys.length, ...keys, ...args)) as Buffer[]
  }
}
