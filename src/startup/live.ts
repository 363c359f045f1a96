import { rootCertificates } from 'node:tls'
import { nothingKept } from '../model/kept-endpoints.ts'
import { createPlaceholder } from '../secrets/placeholder.ts'
import type { HostPort } from '../settings/address.ts'
import type { Settings } from '../settings/settings.ts'

/** What is known at the start and not written, before any Envoy or private key is. */
export function firstLive({ listenerAddress }: Settings, ratelimit: readonly HostPort[]) {
  return {
    services: { ratelimit },
    ...{ announced: new Map(), kept: nothingKept },
    listenerAddress,
    secrets: new Map(),
    placeholder: createPlaceholder(Date.now()),
    roots: rootCertificates.join('\n'),
  }
}
