import { membersKey } from '../redis/counter-key.ts'
import type { RedisLink } from '../redis/link.ts'
import { ScriptArguments } from '../redis/script-arguments.ts'
import type { Script } from '../redis/scripts.ts'
import { type Members, readMembers } from './members.ts'

/** Without a sign of life for so long a replica is none any more. */
const expiryMs = 5_000
/** Nobody's sign of life for so long: the store was away. Longer than any replica waits for its next probe. */
const quietMs = 2_500

export interface HeartbeatOptions {
  link: RedisLink
  script: Script
  /** This replica. */
  id: string
}

/** Gives a sign of life; `known` is the record of before. Answers with the store's time and the record. */
export async function beat(
  { link, script, id }: HeartbeatOptions,
  { ready, leaving, known }: { ready: boolean; leaving: boolean; known: Members | undefined },
) {
  const call = new ScriptArguments()
  call.addKeys([membersKey])
  call.add(id, ready ? 1 : 0, leaving ? 1 : 0, expiryMs * 1_000, quietMs * 1_000)
  const ids = known?.list.map((each) => each.id) ?? []
  call.add(known?.number ?? 0, ids.length, ...ids)
  return readMembers(await link.run(script, call.names, call.list('', 0)))
}
