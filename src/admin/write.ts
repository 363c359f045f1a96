import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { Duration, milliseconds } from '../model/duration.ts'
import { Receipt } from '../model/receipt.ts'
import { find } from '../model/state.ts'
import { warningsOf } from '../model/warnings.ts'
import { maxChangesBytes } from '../store/idempotency.ts'
import type { MadeWrite } from '../store/write.ts'
import { type Committed, commit, type Wish } from './commit.ts'
import type { AdminContext } from './context.ts'
import { deliveryOf } from './delivery.ts'
import { confirmParameter } from './guard.ts'
import { onceOf } from './idempotency-key.ts'
import { etagOf, stateTag } from './preconditions.ts'
import { refusal } from './refusal.ts'

/** Query parameters of whatever may wait for the fleet. */
export const waitParameters = {
  wait: Type.Optional(
    Type.Enum(['acked'], {
      description:
        'Answer when every connected Envoy of the gateways concerned has acknowledged the write, and every rate-limit ' +
        'service that lives answers by it; or when a gateway with a `rollout` reverted it, which is `nacked`.',
    }),
  ),
  timeout: Type.Optional(
    Duration({
      description: 'How long `wait` waits before the answer is 202 with `pending`.',
      default: '10s',
      atLeast: '0s',
      atMost: '60s',
      examples: ['10s'],
    }),
  ),
}

/** Query parameters of every write. */
export const writeParameters = { ...confirmParameter, ...waitParameters }

export interface WaitQuery {
  wait?: 'acked'
  timeout?: string
}

/** Headers of every write. */
export const writeHeaders = {
  'weir-author': Type.Optional(Type.String({ description: 'Who writes; ends up in the revision.' })),
  'weir-message': Type.Optional(Type.String({ description: 'Why; ends up in the revision.' })),
  'idempotency-key': Type.Optional(
    Type.String({
      description:
        'Any text of the client’s own. Sent again within 24 hours with the same request, it writes nothing: the answer ' +
        'has the revision, changes and warnings of the first one, and how far the fleet is by now, for which `wait` ' +
        `waits again. Of a write whose changes take more than ${maxChangesBytes} bytes of JSON, a retry lists only the ` +
        'objects that were changed, and their warnings. With another request the key is refused. A refused request keeps no key, ' +
        'and neither does a dry run.',
      maxLength: 255,
    }),
  ),
}

/**
 * Makes the write, or finds that it was made before, waits for the fleet if asked, and answers. What is thrown means
 * that nothing was written.
 */
export async function write(
  context: AdminContext,
  request: FastifyRequest,
  reply: FastifyReply,
  wish: Wish,
): Promise<FastifyReply> {
  const waitMs = waitOf(request.query as WaitQuery)
  const once = onceOf(context, request)
  const made = once === undefined ? undefined : await context.store.made(once)
  const result = made ?? (await commit(context, request, wish, once === undefined ? {} : { once }))
  const delivery = await deliveryOf(context, result, waitMs ?? 0)
  const answer = answerOf(context, result, delivery)
  const tag = tagOf(wish, result)
  if (tag !== undefined) reply.header('etag', tag)
  return reply
    .code(waitMs !== undefined && delivery.state === 'pending' ? 202 : 200)
    .header('weir-revision', String(result.revision))
    .send(answer)
}

/** Milliseconds to wait; nothing where the client did not ask to. */
export function waitOf({ wait, timeout }: WaitQuery): number | undefined {
  if (wait !== undefined) return milliseconds(timeout ?? '10s')
  if (timeout === undefined) return undefined
  throw refusal(
    'malformed',
    'The query parameter "timeout" needs "wait".',
    'add wait=acked, or leave timeout out',
  )
}

function tagOf({ tagged }: Wish, { revision, after, compacted }: MadeWrite): string | undefined {
  if (tagged === 'state') return stateTag(revision)
  const object = tagged === undefined || compacted ? undefined : find(after, tagged.kind, tagged.name)
  return object === undefined ? undefined : etagOf(object)
}

function answerOf({ kinds }: AdminContext, result: Committed, delivery: Receipt): WriteAnswer {
  const { revision, changes, after, compacted, warnings = [] } = result
  const documents = changes.flatMap(({ kind, name }) => find(after, kind, name)?.document ?? [])
  return {
    revision,
    changes,
    warnings: compacted ? [] : [...warningsOf(kinds, documents, after), ...warnings],
    delivery,
    ...(compacted ? { compacted } : {}),
  }
}

const Action = Type.Enum(['created', 'updated', 'deleted', 'unchanged'])

/** What a write did to each object that it names. */
export const Changes = Type.Array(Type.Object({ kind: Type.String(), name: Type.String(), action: Action }))

export const Warnings = Type.Array(
  Type.Object({
    kind: Type.String(),
    name: Type.String(),
    pointer: Type.String(),
    message: Type.String(),
    effect: Type.String(),
  }),
  {
    description:
      'What is not as its writer may think although nothing is wrong with it, and what that means.',
  },
)

export const WriteAnswer = Type.Object(
  {
    revision: Type.Integer({ description: 'The new revision, or the current one where nothing changed.' }),
    changes: Changes,
    warnings: Warnings,
    delivery: Receipt,
    compacted: Type.Optional(
      Type.Literal(true, {
        description:
          'Only in the answer to a retry: the write was made, as `revision`, and its state was compacted away since. ' +
          '`warnings` are not known any more, nor are `changes` where they were too many to be kept with the key.',
      }),
    ),
  },
  { $id: 'WriteAnswer', title: 'WriteAnswer', description: 'What a write did and how far it got.' },
)

export type WriteAnswer = Static<typeof WriteAnswer>
