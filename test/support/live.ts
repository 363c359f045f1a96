import { rootCertificates } from 'node:tls'
import type { Live } from '../../src/compile/live.ts'
import { createPlaceholder } from '../../src/secrets/placeholder.ts'

const placeholder = createPlaceholder(Date.now())
const roots = rootCertificates.slice(0, 2).join('\n')

/** What is known beside a state where nothing is: no services, no Envoys, no private keys. */
export function testLive(more: Partial<Live> = {}): Live {
  return {
    services: { ratelimit: [{ host: '127.0.0.1', port: 18001 }] },
    announced: new Map(),
    kept: new Map(),
    listenerAddress: '127.0.0.1',
    secrets: new Map(),
    placeholder,
    roots,
    ...more,
  }
}
