import type { Problem } from '../../errors.ts'
import type { Document } from '../../model/document.ts'
import { escapePointer } from '../../model/walk.ts'
import { numberProblems } from './numbers.ts'
import type { RateLimitSpec } from './schema.ts'

/** What the schema cannot say: which numbers belong together, and keys that say something twice. */
export function check(document: Document): Problem[] {
  const spec = document.spec as RateLimitSpec
  const { algorithm, plans = {}, overrides = [] } = spec
  return [
    ...numberProblems(algorithm, spec, '/spec', true),
    ...Object.entries(plans).flatMap(([plan, numbers]) =>
      numberProblems(algorithm, numbers, `/spec/plans/${escapePointer(plan)}`, false),
    ),
    ...overrides.flatMap((override, index) =>
      numberProblems(algorithm, override, `/spec/overrides/${index}`, false),
    ),
    ...duplicateParts(spec),
    ...impossibleCost(spec),
  ]
}

function duplicateParts({ key }: RateLimitSpec): Problem[] {
  const texts = key.map((part) => JSON.stringify(part))
  return texts.flatMap((text, index) =>
    texts.indexOf(text) === index
      ? []
      : [
          {
            pointer: `/spec/key/${index}`,
            message: `the key part ${text} is there twice`,
            remedy: 'write each part once',
          },
        ],
  )
}

/** A request that costs more than ever fits would always be refused. */
function impossibleCost(spec: RateLimitSpec): Problem[] {
  const { algorithm, cost } = spec
  const most =
    algorithm === 'token_bucket'
      ? spec.capacity
      : algorithm === 'leaky_bucket'
        ? (spec.queue ?? 0) + 1
        : spec.limit
  if (typeof cost !== 'number' || most === undefined || most === 0 || cost <= most) return []
  return [
    {
      pointer: '/spec/cost',
      message: `cost ${cost} is more than the ${most} that ever fit`,
      remedy: 'lower the cost or raise the limit',
    },
  ]
}
