import { certificate } from './certificate.ts'
import { cluster } from './cluster.ts'
import { consumer } from './consumer.ts'
import { gateway } from './gateway.ts'
import type { Kind } from './kind.ts'
import { plan } from './plan.ts'
import { route } from './route.ts'

/** The kinds that are not policies. `policies/index.ts` adds those and is the whole list. */
export const coreKinds: readonly Kind[] = [gateway, cluster, route, consumer, plan, certificate]
