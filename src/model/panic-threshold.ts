import { Type } from 'typebox'

/** Schema of Envoy's panic threshold (Envoy docs: intro/arch_overview/upstream/load_balancing/panic_threshold). */
export function PanicThreshold(without: string) {
  return Type.Integer({
    description: `While fewer than this share of the endpoints are healthy, in percent, all of them get requests, the failing ones, too (Envoy’s panic). ${without}`,
    minimum: 0,
    maximum: 100,
    examples: [50],
  })
}
