import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { type Confirmation, confirmationToken, requireConfirmation } from '../model/confirmation.ts'
import type { Write, WriteResult } from '../store/store.ts'
import type { AdminContext } from './context.ts'
import { gatewaysOf } from './delivery.ts'

/** Query parameter of every write. */
export const confirmParameter = {
  confirm: Type.Optional(
    Type.String({
      description:
        'The token that a 409 `confirmation_needed` or a dry run named: a write that leaves a gateway with fewer than ' +
        'half of its routes or endpoints, where it had at least 20, is made only with it. It is good for that write to ' +
        'that revision alone.',
      maxLength: 64,
      examples: ['0f5a1c9e3b7d2846'],
    }),
  ),
}

/** How a dry run and a refusal tell what a write would take away. */
export const ConfirmationSchema = Type.Object(
  {
    token: Type.String({ description: 'Sent as `?confirm=`, it lets this write through.' }),
    reductions: Type.Array(
      Type.Object({
        gateway: Type.String(),
        what: Type.Enum(['routes', 'endpoints']),
        before: Type.Integer(),
        after: Type.Integer(),
      }),
    ),
  },
  {
    $id: 'Confirmation',
    title: 'Confirmation',
    description: 'What a write takes away that must be confirmed.',
  },
)

/** What a write would have to be confirmed for; nothing where it need not be. */
export function confirmationOf(
  context: AdminContext,
  result: Pick<WriteResult, 'before' | 'after' | 'changes'>,
): Confirmation | undefined {
  const { before, after, changes } = result
  const concerned = () => gatewaysOf(context, { ...result, revision: before.revision })
  const reductions = context.reductions(result, concerned)
  if (reductions.length === 0) return undefined
  return { token: confirmationToken(before, after, changes), reductions }
}

/** Refuses a write that has to be confirmed and is not; asked inside its transaction. */
export function guardOf(context: AdminContext, request: FastifyRequest): NonNullable<Write['permit']> {
  const { confirm } = request.query as { confirm?: string }
  return (before, { next, changes }) => {
    const confirmation = confirmationOf(context, { before, after: next, changes })
    if (confirmation !== undefined) requireConfirmation(confirmation, confirm)
  }
}
