import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import { Duration } from './duration.ts'

const Hash = Type.Object(
  {
    on: Type.Enum(['client_ip', 'header', 'cookie', 'query'], {
      description: 'What is hashed.',
      examples: ['client_ip'],
    }),
    name: Type.Optional(
      Type.String({
        description: 'Name of the header, cookie or query parameter. Left out for client_ip.',
        minLength: 1,
        maxLength: 256,
        examples: ['session'],
      }),
    ),
  },
  { additionalProperties: false, description: 'A part of the hash by which an endpoint is picked.' },
)

/** How an endpoint is picked for a request, in Envoy's terms. */
export const LoadBalancing = Type.Object(
  {
    policy: Type.Optional(
      Type.Enum(['round_robin', 'least_request', 'random', 'ring_hash', 'maglev'], {
        description: 'How an endpoint is picked for a request, in Envoy’s terms.',
        default: 'round_robin',
        pendingValues: {
          ring_hash: 'endpoints are picked by round robin',
          maglev: 'endpoints are picked by round robin',
        },
      }),
    ),
    slowStart: Type.Optional(
      Duration({
        description:
          'How long a new endpoint’s share grows until it is whole. Without it it is whole at once.',
        atLeast: '1s',
        atMost: '1h',
        examples: ['10s'],
        pending: 'a new endpoint gets its whole share at once',
      }),
    ),
    hash: Type.Optional(
      Type.Array(Hash, {
        description: 'What ring_hash and maglev hash, which need it. Left out for the other policies.',
        minItems: 1,
        maxItems: 8,
        pending: 'clients are not kept on an endpoint',
      }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'How requests are spread over the endpoints.' },
)

export type LoadBalancing = Static<typeof LoadBalancing>

/** Hashes belong to the policies that hash, and name what they hash. */
export function loadBalancingProblems(spec: LoadBalancing | undefined, pointer: string): Problem[] {
  const { policy = 'round_robin', hash = [] } = spec ?? {}
  const hashes = policy === 'ring_hash' || policy === 'maglev'
  const problems = hash.flatMap(({ on, name }, index): Problem[] => {
    const at = `${pointer}/hash/${index}/name`
    if (on === 'client_ip' && name !== undefined) {
      return [{ pointer: at, message: 'client_ip has no name', remedy: 'remove it' }]
    }
    if (on !== 'client_ip' && name === undefined) {
      return [{ pointer: at, message: `the name of the ${on} is missing`, remedy: 'add it' }]
    }
    return []
  })
  if (hash.length > 0 && !hashes) {
    const remedy = 'write policy: ring_hash or maglev, or remove hash'
    problems.push({ pointer: `${pointer}/hash`, message: `${policy} uses no hash`, remedy })
  }
  if (hash.length === 0 && hashes) {
    const remedy = 'add hash, for example [{ on: client_ip }]'
    problems.push({ pointer: `${pointer}/hash`, message: `${policy} needs a hash`, remedy })
  }
  return problems
}
