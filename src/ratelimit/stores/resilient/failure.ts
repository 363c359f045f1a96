import { messageOf } from '../../../errors.ts'

/** Why a store did not decide. */
export type FailureKind =
  | 'timeout'
  | 'closed'
  | 'busy'
  | 'loading'
  | 'readonly'
  | 'oom'
  | 'moved'
  | 'down'
  | 'refused'
  | 'other'

/** What the bound cut off. */
export class CallTimeout extends Error {}

/** The first words of Redis's errors, and those of connections that are not there. */
const beginnings: readonly (readonly [RegExp, FailureKind])[] = [
  [/^BUSY\b/, 'busy'],
  [/^LOADING\b/, 'loading'],
  [/^(READONLY|NOREPLICAS|UNKILLABLE)\b/, 'readonly'],
  [/^(OOM|MISCONF)\b/, 'oom'],
  [/^(MOVED|ASK|TRYAGAIN)\b/, 'moved'],
  [/^(CLUSTERDOWN|MASTERDOWN)\b/, 'down'],
  [/^(NOAUTH|WRONGPASS|NOPERM|ACL failure)\b/, 'refused'],
]
const closed =
  /ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|Connection is closed|isn't writeable|max ?retries|Socket|Failed to refresh slots|All sentinels/i

export function failureKind(error: unknown): FailureKind {
  if (error instanceof CallTimeout) return 'timeout'
  const message = messageOf(error)
  // Errors inside of a script have the script's name before them, or behind them.
  const said = message.replace(
    /^(ERR |ReplyError: |Error running script.*?: |user_script:\d+: |@\S+: \d+: |-)+/,
    '',
  )
  const found = beginnings.find(([pattern]) => pattern.test(said))
  if (found !== undefined) return found[1]
  const code = (error as { code?: unknown }).code
  return closed.test(`${String(code ?? '')} ${message}`) ? 'closed' : 'other'
}

/** After one such failure the next call would fail as well. */
export function isCertain(kind: FailureKind): boolean {
  return kind !== 'timeout' && kind !== 'moved' && kind !== 'other'
}
