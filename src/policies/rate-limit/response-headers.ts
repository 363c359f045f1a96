import type { Problem } from '../../errors.ts'
import { isUntouchable } from '../../model/header.ts'
import { escapePointer } from '../../model/walk.ts'

/** Headers of a refusal that somebody else writes, by whom and what to do instead. The first that fits is told. */
const others: readonly { is(name: string): boolean; why: string; remedy: string }[] = [
  {
    is: isUntouchable,
    why: 'says where an answer ends or belongs to one connection, and is Envoy’s to write',
    remedy: 'remove it',
  },
  {
    is: (name) => ['grpc-status', 'grpc-message', 'grpc-status-details-bin'].includes(name),
    why: 'is Envoy’s to write: a gRPC client gets RESOURCE_EXHAUSTED, and the body as its message',
    remedy: 'remove it, and write the message as body',
  },
  {
    is: (name) => ['ratelimit', 'ratelimit-policy'].includes(name),
    why: 'is on every answer of a limited route already',
    remedy: 'remove it, or give what you want to say another name',
  },
  {
    is: (name) => name.startsWith('x-ratelimit-'),
    why: 'tells what is left, which weir does itself',
    remedy: 'remove it; xRateLimitHeaders: true gives x-ratelimit-limit, -remaining and -reset',
  },
  {
    is: (name) => name.startsWith('x-envoy-'),
    why: 'is what Envoys tell each other',
    remedy: 'remove it, or give it another name',
  },
  {
    is: (name) => name === 'content-encoding',
    why: 'is not true of the body, which is sent as it is written',
    remedy: 'remove it',
  },
]

/** Headers that a refusal cannot have from its policy. */
export function responseHeaderProblems(names: readonly string[], pointer: string): Problem[] {
  return names.flatMap((name) => {
    const other = others.find(({ is }) => is(name))
    if (other === undefined) return []
    const { why, remedy } = other
    return [{ pointer: `${pointer}/${escapePointer(name)}`, message: `"${name}" ${why}`, remedy }]
  })
}
