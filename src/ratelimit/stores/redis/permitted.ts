import { membersKey } from './counter-key.ts'
import type { RedisLink } from './link.ts'
import { readReply } from './replay.ts'
import { ScriptArguments } from './script-arguments.ts'
import type { Script } from './scripts.ts'

/**
 * The commands of scripts that the user may not run, where the store has `key`: by that of nobody beside it. `script` is
 * `permitted`.
 */
export async function refusedCommands(
  link: Pick<RedisLink, 'run'>,
  script: Script,
  key: string = membersKey,
): Promise<string[]> {
  const call = new ScriptArguments()
  call.addKeys([`${key}?`])
  const { said } = readReply(call.keys, await link.run(script, call.names, call.list('', 0)))
  return said === '' ? [] : said.split(' ')
}

/** What a server says of a command that its user may not run. */
export function notPermitted(commands: readonly string[]): Error {
  return new Error(`NOPERM no permissions to run ${commands.join(', ')}`)
}
