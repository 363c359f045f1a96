import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { Receipt } from '../../model/receipt.ts'
import type { AdminContext } from '../context.ts'
import { gatewaysOfRevision, receiptOf } from '../delivery.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'
import { knownRevision, revisionParams } from '../revision-url.ts'
import { type WaitQuery, waitOf, waitParameters } from '../write.ts'

/** `GET /v1/revisions/{revision}/delivery`: what became of a write. */
export function deliveryRoute(app: FastifyInstance, context: AdminContext): void {
  const schema = {
    summary: 'What became of a revision: how far each Envoy got with it, and when',
    description:
      'The receipt that its write answered with, as of now. What happened is kept in memory, by each replica for the Envoys ' +
      'that are connected to it: of a revision from before its start, or older than the latest 32 that changed something ' +
      'for an Envoy, it tells the later one that the Envoy has. The header `weir-event-id` names the newest event of ' +
      '`GET /v1/events` that the answer knows of.',
    tags: ['history', 'fleet'],
    params: revisionParams,
    querystring: Query({
      ...waitParameters,
      gateways: Type.Optional(
        Type.String({
          description:
            'Only Envoys of these gateways, with commas between them, instead of those that it concerned.',
          maxLength: 4_096,
        }),
      ),
    }),
    response: {
      '200': Type.Object({ revision: Type.Integer(), ...Receipt.properties }, { title: 'Delivery' }),
      ...problemResponses,
    },
  }
  app.get('/v1/revisions/:revision/delivery', { schema }, async (request, reply) => {
    const query = request.query as WaitQuery & { gateways?: string }
    const waitMs = waitOf(query) ?? 0
    const revision = await knownRevision(context, request)
    const named = query.gateways?.split(',').filter((name) => name !== '')
    const gateways = named === undefined ? undefined : new Set(named)
    const question = { revision, gateways: gateways ?? (await gatewaysOfRevision(context, revision)) }
    // Read on after it, a client meets what the answer knows already rather than a gap.
    reply.header('weir-event-id', context.events.newest())
    return reply.send({ revision, ...(await receiptOf(context, question, waitMs)) })
  })
}
