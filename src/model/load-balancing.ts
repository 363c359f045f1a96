import { type Static, Type } from 'typebox'
import type { Problem } from '../errors.ts'
import { Duration } from './duration.ts'
import { Hash, hashProblems } from './hash.ts'
import { PanicThreshold } from './panic-threshold.ts'

const ZoneAware = Type.Object(
  {
    minLocalEndpoints: Type.Optional(
      Type.Integer({
        description:
          'How many healthy endpoints of the lowest priority the zone must have; with fewer the requests go to all zones.',
        minimum: 1,
        maximum: 10_000,
        default: 1,
        examples: [2],
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'Requests stay in the zone of the Envoy (its bootstrap’s --zone), as long as endpoints with that very locality are healthy. round_robin, least_request and random only. Without it they go to all zones alike.',
  },
)

/** How an endpoint is picked for a request, in Envoy's terms. */
export const LoadBalancing = Type.Object(
  {
    policy: Type.Optional(
      Type.Enum(['round_robin', 'least_request', 'random', 'ring_hash', 'maglev'], {
        description: 'How an endpoint is picked for a request, in Envoy’s terms.',
        default: 'round_robin',
      }),
    ),
    choiceCount: Type.Optional(
      Type.Integer({
        description:
          'least_request by n_choices: how many endpoints, picked at random, are compared. Without it 2.',
        minimum: 2,
        maximum: 10_000,
        examples: [2],
      }),
    ),
    selectionMethod: Type.Optional(
      Type.Enum(['n_choices', 'full_scan'], {
        description: 'least_request: whether some endpoints are compared or all.',
        default: 'n_choices',
        defaultWith: { field: 'policy', is: 'least_request' },
        examples: ['full_scan'],
      }),
    ),
    slowStart: Type.Optional(
      Duration({
        description:
          'round_robin and least_request: how long a new endpoint’s share grows until it is whole. Without it it is whole at once.',
        atLeast: '1s',
        atMost: '1h',
        examples: ['10s'],
      }),
    ),
    hash: Type.Optional(
      Type.Array(Hash, {
        description:
          'What ring_hash and maglev hash, all parts together, which need it. Left out for the other policies.',
        minItems: 1,
        maxItems: 8,
      }),
    ),
    overprovisioningFactor: Type.Optional(
      Type.Integer({
        description:
          'For how much healthy endpoints count when it is decided whether a priority needs the next one, in percent: at 140 one with 72% of its endpoints healthy still gets all requests, at 100 every endpoint that fails sends its share on.',
        minimum: 100,
        maximum: 1000,
        default: 140,
        examples: [100],
      }),
    ),
    zoneAware: Type.Optional(ZoneAware),
    panicThreshold: Type.Optional(
      PanicThreshold('Without it that of the outlier detection policy holds, else 0: never.'),
    ),
  },
  { additionalProperties: false, default: {}, description: 'How requests are spread over the endpoints.' },
)

export type LoadBalancing = Static<typeof LoadBalancing>

/** It with its defaults. */
export type EffectiveLoadBalancing = LoadBalancing &
  Required<Pick<LoadBalancing, 'policy' | 'overprovisioningFactor'>>

/** Fields that belong to some policies only. */
const ofPolicies: Partial<Record<keyof LoadBalancing, readonly string[]>> = {
  hash: ['ring_hash', 'maglev'],
  slowStart: ['round_robin', 'least_request'],
  choiceCount: ['least_request'],
  selectionMethod: ['least_request'],
  zoneAware: ['round_robin', 'least_request', 'random'],
}

/** Fields of another policy than the one that is written, and what the written one needs. */
export function loadBalancingProblems(spec: LoadBalancing | undefined, pointer: string): Problem[] {
  const { policy = 'round_robin', hash, choiceCount, selectionMethod } = spec ?? {}
  const problems = hashProblems(hash, `${pointer}/hash`)
  for (const [field, policies] of Object.entries(ofPolicies)) {
    if (spec === undefined || !Object.hasOwn(spec, field) || policies.includes(policy)) continue
    const remedy = `write policy: ${policies.join(' or ')}, or remove ${field}`
    problems.push({ pointer: `${pointer}/${field}`, message: `${policy} has no ${field}`, remedy })
  }
  if (hash === undefined && ofPolicies.hash!.includes(policy)) {
    const remedy = 'add hash, for example [{ on: client_ip }]'
    problems.push({ pointer: `${pointer}/hash`, message: `${policy} needs a hash`, remedy })
  }
  if (choiceCount !== undefined && selectionMethod === 'full_scan') {
    const message = 'full_scan compares all endpoints'
    problems.push({ pointer: `${pointer}/choiceCount`, message, remedy: 'remove choiceCount' })
  }
  return problems
}
