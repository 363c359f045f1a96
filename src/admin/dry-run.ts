import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { type Confirmation, leftText } from '../model/confirmation.ts'
import { find } from '../model/state.ts'
import { warningsOf } from '../model/warnings.ts'
import { commit, type Wish } from './commit.ts'
import type { AdminContext } from './context.ts'
import { gatewaysOf } from './delivery.ts'
import { type ObjectDiff, shownDifferences } from './difference.ts'
import { confirmationOf } from './guard.ts'
import { ChangedGateway, Plan, planned } from './planned.ts'
import { stateTag } from './preconditions.ts'
import { refusal } from './refusal.ts'
import { untracedWarnings } from './untraced.ts'
import { Changes, type WaitQuery, Warnings, type WriteAnswer } from './write.ts'

export const dryRunParameter = {
  dryRun: Type.Optional(
    Type.Boolean({
      description: 'Write nothing: answer what would change, in the model and in Envoy (`DryRunAnswer`).',
      default: false,
    }),
  ),
}

export interface DryRunQuery extends WaitQuery {
  dryRun?: boolean
}

const ValidationAnswer = Type.Object(
  {
    state: Type.Enum(['accepted', 'refused', 'untraced', 'skipped']),
    problems: Type.Array(
      Type.Object({
        gateway: Type.String(),
        kind: Type.String(),
        name: Type.String(),
        pointer: Type.String({ description: 'The field, as closely as Envoy’s words tell.' }),
        error: Type.String({ description: 'What Envoy said.' }),
      }),
    ),
    untraced: Type.Optional(
      Type.Array(Type.Object({ gateway: Type.String(), error: Type.String() }), {
        description: 'What it refuses where no row was found that is to blame.',
      }),
    ),
    reason: Type.Optional(Type.String({ description: 'Why it was skipped.' })),
  },
  {
    description:
      'What an Envoy of weir’s machine says of the state after the write (`envoy --mode validate`); absent where none is at hand, or WEIR_VALIDATE is off.',
  },
)

export const DryRunAnswer = Type.Object(
  {
    dryRun: Type.Literal(true),
    revision: Type.Integer({ description: 'The current revision, on which it was tried.' }),
    changes: Changes,
    diff: Type.Array(Type.Unsafe<ObjectDiff>({ $ref: 'ObjectDiff#' })),
    warnings: Warnings,
    gateways: Type.Array(ChangedGateway, { description: 'The gateways whose Envoy resources would change.' }),
    plan: Type.Array(Plan, { description: 'For each of them, how its Envoys get there.' }),
    confirmation: Type.Optional(
      Type.Unsafe<Confirmation>({
        $ref: 'Confirmation#',
        description: 'Only where the write would be refused without `?confirm=`.',
      }),
    ),
    validation: Type.Optional(ValidationAnswer),
  },
  { $id: 'DryRunAnswer', title: 'DryRunAnswer', description: 'What a write would do.' },
)

export type DryRunAnswer = Static<typeof DryRunAnswer>

/**
 * Checks a write of the whole state as a real one is checked, and answers what it would do, with the ETag of the state
 * on which that is true.
 */
export async function dryRun(
  context: AdminContext,
  request: FastifyRequest,
  reply: FastifyReply,
  wish: Wish,
): Promise<FastifyReply> {
  const { wait, timeout } = request.query as DryRunQuery
  if (wait !== undefined || timeout !== undefined)
    throw refusal('malformed', 'A dry run has nothing to wait for.', 'leave out wait and timeout, or dryRun')
  const result = await commit(context, request, wish, { dryRun: true })
  const { revision, changes, before, after } = result
  const differences = changes.map(({ kind, name }) => ({
    kind,
    name,
    before: find(before, kind, name)?.document,
    after: find(after, kind, name)?.document,
  }))
  const documents = differences.flatMap((each) => each.after ?? [])
  const effective = before !== after
  const gateways = gatewaysOf(context, result)
  const validation = effective ? await context.validate?.(before, after, gateways) : undefined
  const confirmation = confirmationOf(context, result)
  const answer: DryRunAnswer = {
    dryRun: true,
    revision,
    changes,
    diff: effective ? shownDifferences(context.kinds, differences) : [],
    warnings: [
      ...warningsOf(context.kinds, documents, after),
      ...confirmationWarnings(confirmation),
      ...untracedWarnings(validation),
    ],
    ...(await planned(context, result)),
    ...(confirmation === undefined ? {} : { confirmation }),
    ...(validation !== undefined && { validation }),
  }
  return reply.headers({ etag: stateTag(revision), 'weir-revision': String(revision) }).send(answer)
}

function confirmationWarnings(confirmation: Confirmation | undefined): WriteAnswer['warnings'] {
  if (confirmation === undefined) return []
  const effect = `the write is refused without ?confirm=${confirmation.token}`
  return confirmation.reductions.map((reduction) => ({
    ...{ kind: 'Gateway', name: reduction.gateway, pointer: '' },
    ...{ message: leftText(reduction), effect },
  }))
}
