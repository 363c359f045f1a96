import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { messageOf, WeirError } from '../errors.ts'
import { Duration, milliseconds } from '../model/duration.ts'
import type { Warning } from '../model/pending.ts'
import { type Change, type Edit, planWrite } from '../model/plan-write.ts'
import { gatewaysConcerned } from '../model/references.ts'
import type { State } from '../model/state.ts'
import { warningsOf } from '../model/warnings.ts'
import type { WriteResult } from '../store/store.ts'
import { authorshipOf } from './authorship.ts'
import type { AdminContext, DeliveryAnswer } from './context.ts'
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

export interface Wish {
  edits: readonly Edit[]
  /** Throws what is asked of the state that the write meets, inside its transaction. */
  guard?(state: State): void
  /** The request is one document, so that problems need no number. */
  single: boolean
}

/** Makes the write and, if asked, waits for the fleet. What is thrown means that nothing was written. */
export async function write(context: AdminContext, request: FastifyRequest, wish: Wish): Promise<Written> {
  const query = request.query as WaitQuery
  if (query.timeout !== undefined && query.wait === undefined) {
    throw refusal(
      'malformed',
      'The query parameter "timeout" needs "wait".',
      'add wait=acked, or leave timeout out',
    )
  }
  const result = await commit(context, request, wish)
  const waitMs = query.wait === undefined ? 0 : milliseconds(query.timeout ?? '10s')
  const delivery = await deliver(context, result, waitMs)
  const documents = wish.edits.flatMap((edit) => (edit.op === 'put' ? [edit.object] : []))
  const warnings = warningsOf(context.kinds, documents, result.after)
  return { result, warnings, waited: query.wait !== undefined, delivery }
}

export interface Written {
  result: WriteResult
  warnings: Warning[]
  waited: boolean
  delivery: DeliveryAnswer
}

async function commit(context: AdminContext, request: FastifyRequest, wish: Wish): Promise<WriteResult> {
  const { store, kinds, checkContext } = context
  const plan = (state: State) => {
    wish.guard?.(state)
    return planWrite(kinds, state, wish.edits, checkContext)
  }
  try {
    return await store.write({ ...authorshipOf(request.headers), plan })
  } catch (error) {
    throw wish.single && error instanceof WeirError ? withoutNumbers(error) : error
  }
}

function withoutNumbers(error: WeirError): WeirError {
  const problems = error.problems.map(({ document: _, ...problem }) => problem)
  return new WeirError(error.code, error.message, {
    problems,
    retryAfter: error.retryAfter,
    cause: error.cause,
  })
}

async function deliver(
  context: AdminContext,
  result: WriteResult,
  timeoutMs: number,
): Promise<DeliveryAnswer> {
  const { before, after, revision } = result
  const { kinds, closing } = context
  const objects = touched(result.changes)
  const gateways = new Set([
    ...gatewaysConcerned(kinds, before, objects),
    ...gatewaysConcerned(kinds, after, objects),
  ])
  try {
    return await context.deliver({ revision, gateways, timeoutMs, signal: closing })
  } catch (error) {
    // The write is made, whatever becomes of the question how far it got.
    context.observe({
      event: 'failed',
      where: `delivery of revision ${revision}: ${messageOf(error)}`,
      error,
    })
    return { state: 'pending', envoys: [] }
  }
}

/** A write without effect asks about all that it names: whether what is there already has arrived. */
function touched(changes: readonly Change[]): readonly Change[] {
  const effective = changes.filter(({ action }) => action !== 'unchanged')
  return effective.length > 0 ? effective : changes
}

/** Answers a write: 202 only where the client wanted to wait and the fleet is not there yet. */
export function sendWritten(
  reply: FastifyReply,
  { result, warnings, waited, delivery }: Written,
): FastifyReply {
  const { revision, changes } = result
  const answer: WriteAnswer = {
    revision,
    changes,
    warnings,
    delivery: { state: delivery.state, envoys: [...delivery.envoys] },
  }
  const status = waited && delivery.state === 'pending' ? 202 : 200
  return reply.code(status).header('weir-revision', String(revision)).send(answer)
}

const Action = Type.Enum(['created', 'updated', 'deleted', 'unchanged'])

export const WriteAnswer = Type.Object(
  {
    revision: Type.Integer({ description: 'The new revision, or the current one where nothing changed.' }),
    changes: Type.Array(Type.Object({ kind: Type.String(), name: Type.String(), action: Action })),
    warnings: Type.Array(
      Type.Object({
        kind: Type.String(),
        name: Type.String(),
        pointer: Type.String(),
        message: Type.String(),
        effect: Type.String(),
      }),
      { description: 'Fields that Envoy does not get yet, and what that means.' },
    ),
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
