import { any } from '../envoy-api/build.ts'
import type { Message } from '../envoy-api/types.ts'

/** An entry of a descriptor that says the same of every request (Envoy docs: RateLimit.Action). */
export function generic(key: string, value: string): Message {
  return { generic_key: { descriptor_key: key, descriptor_value: value } }
}

/** An entry with what an expression on the request says; where it fails, none (`skip`), or else no descriptor at all. */
export function expression(key: string, text: string, skip: boolean): Message {
  const config = { descriptor_key: key, skip_if_error: skip, text }
  return {
    extension: {
      name: 'envoy.rate_limit_descriptors.expr',
      typed_config: any('envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor', config),
    },
  }
}
