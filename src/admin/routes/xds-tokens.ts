import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { Duration, milliseconds } from '../../model/duration.ts'
import { Name } from '../../model/name.ts'
import type { AdminContext } from '../context.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'
import { jsonValueOf } from '../read-value.ts'
import { refusal } from '../refusal.ts'

const Wanted = Type.Object(
  {
    gateways: Type.Array(Name(), {
      description: 'The gateways that an Envoy with it may fetch. They need not exist yet.',
      minItems: 1,
      maxItems: 100,
      uniqueItems: true,
    }),
    expires: Type.Optional(
      Duration({
        description: 'For how long from now on it is good.',
        default: '720h',
        atLeast: '1m',
        atMost: '87600h',
        examples: ['720h'],
      }),
    ),
  },
  { additionalProperties: false, title: 'WantedXdsToken', description: 'What a token is to be for.' },
)

const XdsToken = Type.Object(
  {
    token: Type.String({ description: 'The token. It is shown once, and kept nowhere.' }),
    gateways: Type.Array(Type.String()),
    expiresAt: Type.String({ description: 'RFC 3339.' }),
  },
  { title: 'XdsToken', description: 'A token by which an Envoy fetches its configuration.' },
)

export type XdsToken = Static<typeof XdsToken>

/** `POST /v1/xds-tokens`: the server signs, so that no key ever travels. */
export function xdsTokenRoutes(app: FastifyInstance, context: AdminContext): void {
  const schema = {
    summary: 'Make a token for an Envoy',
    description:
      'Signed under WEIR_SECRET_KEY, and good at every replica that knows this key. Without a revision, and without a row.',
    tags: ['fleet'],
    querystring: Query({}),
    body: { content: { 'application/json': { schema: Wanted } } },
    response: { '200': XdsToken, ...problemResponses },
  }
  app.post('/v1/xds-tokens', { schema }, async (request): Promise<XdsToken> => {
    const { xdsTokens } = context
    if (xdsTokens === undefined)
      throw refusal('conflict', 'Tokens count for nothing here.', 'start weir with WEIR_XDS_TOKENS=true')
    const { gateways, expires = '720h' } = await jsonValueOf(context, request, Wanted)
    const until = Date.now() + milliseconds(expires)
    const token = xdsTokens.issue({ gateways, until })
    return { token, gateways, expiresAt: new Date(until).toISOString() }
  })
}
