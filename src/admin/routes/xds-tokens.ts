import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { WeirError } from '../../errors.ts'
import { Duration, milliseconds } from '../../model/duration.ts'
import { gateway } from '../../model/gateway.ts'
import { Name } from '../../model/name.ts'
import type { Warning } from '../../model/pending.ts'
import { all, find, type State } from '../../model/state.ts'
import { suggest } from '../../model/suggest.ts'
import type { AdminContext } from '../context.ts'
import { problemResponses } from '../problem-schema.ts'
import { Query } from '../query.ts'
import { jsonValueOf } from '../read-value.ts'
import { refusal } from '../refusal.ts'
import { Warnings } from '../write.ts'

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
    warnings: Warnings,
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
    return {
      token,
      gateways,
      expiresAt: new Date(until).toISOString(),
      warnings: await warningsFor(gateways),
    }
  })

  /** Tokens are made without the database, too: then nothing is known of the gateways. */
  async function warningsFor(gateways: readonly string[]): Promise<Warning[]> {
    try {
      return unknownGateways(await context.store.current(), gateways)
    } catch (error) {
      if (error instanceof WeirError && error.code === 'unavailable') return []
      throw error
    }
  }
}

/** A token may be made before its gateway; or the name is another one than was meant. */
function unknownGateways(state: State, names: readonly string[]): Warning[] {
  const { kind } = gateway
  const known = all(state, kind).map(({ document }) => document.name)
  return names.flatMap((name, index) => {
    if (find(state, kind, name) !== undefined) return []
    const meant = suggest(name, known)
    const refused = 'an Envoy that asks for it is refused until it is written'
    const effect = meant === undefined ? refused : `did you mean "${meant}"? ${refused}`
    return [{ kind, name, pointer: `/gateways/${index}`, message: 'there is no such gateway', effect }]
  })
}
