import type { Problem } from '../../errors.ts'
import { capacityOf } from '../../model/capacity.ts'
import type { Document } from '../../model/document.ts'
import { tickUnit } from '../../model/tick-unit.ts'
import { escapePointer } from '../../model/walk.ts'
import { faultHeaders } from './filters.ts'
import { localProblems } from './local/check.ts'
import { numberProblems } from './numbers.ts'
import { tooManyParts } from './one-counter.ts'
import { type Place, placesOf, pointerTo, repeatedOverrides } from './places.ts'
import { responseHeaderProblems } from './response-headers.ts'
import type { RateLimitSpec } from './schema.ts'

/** What the schema cannot say: which numbers belong together and can be counted, and what is said twice or too early. */
export function check(document: Document): Problem[] {
  const spec = document.spec as RateLimitSpec
  const numbers = numbersOfAll(spec)
  return [
    ...numbers,
    ...duplicateParts(spec),
    ...repeatedOverrides(spec).map(({ index, first }) => ({
      pointer: `/spec/overrides/${index}/match`,
      message: `override ${first} is for the very same requests`,
      remedy: 'keep one of the two',
    })),
    ...unknownBeforeAuth(spec),
    ...strippedHeaders(spec),
    ...localProblems(spec),
    ...responseHeaderProblems(Object.keys(spec.response?.headers ?? {}), '/spec/response/headers'),
    ...(numbers.length > 0 ? [] : countingProblems(spec, placesOf(spec))),
    ...(numbers.length > 0 ? [] : tooManyParts(document)),
  ]
}

function numbersOfAll(spec: RateLimitSpec): Problem[] {
  const { algorithm, plans = {}, overrides = [] } = spec
  return [
    ...numberProblems(algorithm, spec, '/spec', true),
    ...Object.entries(plans).flatMap(([plan, numbers]) =>
      numberProblems(algorithm, numbers, `/spec/plans/${escapePointer(plan)}`, false),
    ),
    ...overrides.flatMap((override, index) =>
      numberProblems(algorithm, override, `/spec/overrides/${index}`, false),
    ),
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

const byAuthentication = ['consumer', 'plan', 'jwt_claim']

/** Who calls is known once authentication has said it. */
function unknownBeforeAuth({ stage, key, overrides = [], plans }: RateLimitSpec): Problem[] {
  if (stage !== 'before_auth') return []
  const places = [
    ...key.map((part, index) => [Object.keys(part)[0]!, `/spec/key/${index}`] as const),
    ...overrides.map(
      ({ match }, index) => [Object.keys(match)[0]!, `/spec/overrides/${index}/match`] as const,
    ),
    ...(plans === undefined ? [] : [['plan', '/spec/plans'] as const]),
  ]
  return places
    .filter(([part]) => byAuthentication.includes(part))
    .map(([part, pointer]) => ({
      pointer: pointer === '/spec/plans' ? pointer : `${pointer}/${part}`,
      message: `the ${part} is not known before authentication`,
      remedy: 'remove it, or write stage: after_auth',
    }))
}

/** What clients write there is taken away, so that no request would have it. */
function strippedHeaders({ key, overrides = [], cost }: RateLimitSpec): Problem[] {
  const places = [
    ...key.map(({ header }, index) => [header, `/spec/key/${index}/header`] as const),
    ...overrides.flatMap(({ match: { header = {} } }, index) =>
      Object.keys(header).map(
        (name) => [name, `/spec/overrides/${index}/match/header/${escapePointer(name)}`] as const,
      ),
    ),
    ...(typeof cost === 'object' ? [[cost.header, '/spec/cost/header'] as const] : []),
  ]
  return places.flatMap(([name, pointer]) => {
    if (name === undefined || !faultHeaders.includes(name)) return []
    const message = `no request has "${name}": it is taken off, since it would delay or abort requests`
    return [{ pointer, message, remedy: 'name another header' }]
  })
}

function countingProblems({ cost = 1 }: RateLimitSpec, places: readonly Place[]): Problem[] {
  const impossible = typeof cost === 'number' ? impossibleCost(cost, places) : []
  return [...inexact(places), ...impossible]
}

/** The service counts in whole numbers below 2^53, the unit of time being as fine as they allow. */
function inexact(places: readonly Place[]): Problem[] {
  const choice = tickUnit(places.map(({ numbers }) => numbers))
  if (choice.unit !== undefined) return []
  const { field, largest } = choice
  const amount = ({ written }: Place) => written[field] ?? 0
  const place = places.find((each) => amount(each) > largest)!
  const message = `a ${field} of ${amount(place)} cannot be counted exactly over the longest time of the policy`
  const remedy = `write at most ${largest}, or shorten the time${wholeSeconds(places) ? '' : ', or write whole seconds'}`
  return [{ pointer: pointerTo(place, field), message, remedy }]
}

/** A time that is no whole number of seconds cannot be counted in them, and leaves less room for amounts. */
function wholeSeconds(places: readonly Place[]): boolean {
  return places.every(({ numbers }) => {
    if ('windowMs' in numbers) return numbers.windowMs % 1_000 === 0
    return ('refill' in numbers ? numbers.refill : numbers.rate).everyMs % 1_000 === 0
  })
}

/** A request that costs more than ever fits would always be refused; who means that writes 0. */
function impossibleCost(cost: number, places: readonly Place[]): Problem[] {
  return places.flatMap((place) => {
    const { field, most } = capacityOf(place.numbers)
    if (most === 0 || cost <= most) return []
    const own = place.pointer === '/spec'
    if (!own && !Object.hasOwn(place.written, field)) return []
    return [
      {
        pointer: own ? '/spec/cost' : `${place.pointer}/${field}`,
        message: `cost ${cost} is more than the ${most} that ever fit${own ? '' : ` for ${place.whose}`}`,
        remedy: `lower the cost or raise the ${field}`,
      },
    ]
  })
}
