/**
 * What a rate-limit decision costs: weir's transports beside envoyproxy/ratelimit and Limitador in the same run, asked
 * directly and through one core of Envoy. One command: `npm run bench:ratelimit`; `bench/ratelimit/options.ts` says how to
 * measure less. It needs Valkey, Envoy, and of the references what is there (`bench/references.ts`).
 */

import { availableParallelism, cpus } from 'node:os'
import { breaker } from './ratelimit/breaker.ts'
import { check } from './ratelimit/check.ts'
import { direct } from './ratelimit/direct.ts'
import { edge } from './ratelimit/edge.ts'
import { options } from './ratelimit/options.ts'
import { findReferences } from './references.ts'
import { print } from './table.ts'

const references = await findReferences()
print(
  `\n${availableParallelism()} cores of ${cpus()[0]?.model ?? 'an unknown kind'}, Node ${process.version}\n`,
)
const parts = { direct, check, breaker, edge }
for (const [name, part] of Object.entries(parts)) {
  if (!options.parts.includes(name)) continue
  await part(references)
  print('')
}
