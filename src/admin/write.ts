import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { WeirError } from '../errors.ts'
import { Duration, milliseconds } from '../model/duration.ts'
import { type Edit, planWrite } from '../model/plan-write.ts'
import { find, type State } from '../model/state.ts'
import { warningsOf } from '../model/warnings.ts'
import type { Once } from '../store/idempotency.ts'
import type { Write, WriteResult } from '../store/store.ts'
import { authorshipOf } from './authorship.ts'
import type { AdminContext } from './context.ts'
import { deliveryOf } from './delivery.ts'
import { onceOf } from './idempotency-key.ts'
import { etagOf } from './preconditions.ts'
import { refusal } from './refusal.ts'

/** Query parameters of every write. */
export const waitParameters = {
  wait: Type.Optional(
    Type.Enum(['acked'], {
      description: 'Answer when every connected Envoy of the gateways concerned has acknowledged the write.',
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
        'Any text of the client’s own. Sent again within 24 hours with the same request, it gets the answer of the ' +
        'first one and writes nothing; with another request it is refused. A refused request keeps no key.',
      maxLength: 255,
    }),
  ),
}

export interface Wish {
  /** What is to be done to the state that the write meets, in its transaction; throws where it must not be done. */
  edits(state: State): readonly Edit[]
  /**
   * What problems say of their place: the number of the document in the request, nothing where that is one document,
   * or the object where no document was sent.
   */
  places: 'documents' | 'none' | 'objects'
  /** Whose ETag the answer carries. */
  object?: { kind: string; name: string }
  /** The revision's message where the request has none. */
  message?: string
}

/** An answer as it is sent, and kept for a request that comes again. */
interface WrittenAnswer {
  status: number
  headers: Record<string, string>
  body: WriteAnswer
}

/** Makes the write, waits for the fleet if asked, and answers. What is thrown means that nothing was written. */
export async function write(
  context: AdminContext,
  request: FastifyRequest,
  reply: FastifyReply,
  wish: Wish,
): Promise<FastifyReply> {
  const waitMs = waitOf(request.query as WaitQuery)
  const once = onceOf(context, request)
  const result = await commit(context, request, wish, once === undefined ? {} : { once })
  const text = result.kept ?? (await answered(context, wish, result, waitMs, once))
  const { status, headers, body } = JSON.parse(text) as WrittenAnswer
  return reply.code(status).headers(headers).send(body)
}

/** Milliseconds to wait; nothing where the client did not ask to. */
function waitOf({ wait, timeout }: WaitQuery): number | undefined {
  if (wait !== undefined) return milliseconds(timeout ?? '10s')
  if (timeout === undefined) return undefined
  throw refusal(
    'malformed',
    'The query parameter "timeout" needs "wait".',
    'add wait=acked, or leave timeout out',
  )
}

/** Plans and commits, or only rehearses, what is wished for. */
export async function commit(
  context: AdminContext,
  request: FastifyRequest,
  wish: Wish,
  how: Pick<Write, 'once' | 'dryRun'>,
): Promise<WriteResult> {
  const { store, kinds, checkContext } = context
  const { author, message } = authorshipOf(request.headers)
  let edits: readonly Edit[] = []
  try {
    return await store.write({
      author,
      message: message || (wish.message ?? ''),
      edits(state) {
        edits = wish.edits(state)
        return edits
      },
      plan: (state, split) => planWrite(kinds, state, split, checkContext),
      ...how,
    })
  } catch (error) {
    throw error instanceof WeirError ? placed(error, wish, edits) : error
  }
}

/** A number below zero is none of a document in the request. */
function placed(error: WeirError, { places }: Wish, edits: readonly Edit[]): WeirError {
  const problems = error.problems.map(({ document, ...problem }) => {
    if (document === undefined) return problem
    if (places === 'documents' && document >= 0) return { document, ...problem }
    const edit = places === 'objects' ? edits.find((each) => each.document === document) : undefined
    if (edit === undefined) return problem
    const { kind, name } = edit.op === 'put' ? edit.object : edit
    return { ...problem, message: `${kind}/${name}: ${problem.message}` }
  })
  const { retryAfter, cause } = error
  return new WeirError(error.code, error.message, { problems, retryAfter, cause })
}

async function answered(
  context: AdminContext,
  wish: Wish,
  result: WriteResult,
  waitMs: number | undefined,
  once: Once | undefined,
): Promise<string> {
  const delivery = await deliveryOf(context, result, waitMs ?? 0)
  const { revision, changes, after } = result
  const documents = changes.flatMap(({ kind, name }) => find(after, kind, name)?.document ?? [])
  const object = wish.object === undefined ? undefined : find(after, wish.object.kind, wish.object.name)
  const answer: WrittenAnswer = {
    status: waitMs !== undefined && delivery.state === 'pending' ? 202 : 200,
    headers: {
      'weir-revision': String(revision),
      ...(object === undefined ? {} : { etag: etagOf(object) }),
    },
    body: {
      revision,
      changes,
      warnings: warningsOf(context.kinds, documents, after),
      delivery: { state: delivery.state, envoys: [...delivery.envoys] },
    },
  }
  const text = JSON.stringify(answer)
  if (once === undefined) return text
  // The write is made: that its answer could not be kept only means that a retry gets one of its own.
  return context.store.keepAnswer(once, text).catch((error) => {
    context.observe({ event: 'failed', where: `keeping the answer of revision ${revision}`, error })
    return text
  })
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
  { description: 'Fields that Envoy does not get yet, and what that means.' },
)

export const WriteAnswer = Type.Object(
  {
    revision: Type.Integer({ description: 'The new revision, or the current one where nothing changed.' }),
    changes: Changes,
    warnings: Warnings,
    delivery: Type.Object({
      state: Type.Enum(['acked', 'pending', 'nacked', 'none']),
      envoys: Type.Array(Type.Unknown(), {
        description: 'The Envoys of the gateways concerned, one by one.',
      }),
    }),
  },
  { $id: 'WriteAnswer', title: 'WriteAnswer', description: 'What a write did and how far it got.' },
)

export type WriteAnswer = Static<typeof WriteAnswer>
