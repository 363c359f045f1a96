import { once } from 'node:events'
import { after, before } from 'node:test'
import { createSingleLink } from '../../src/ratelimit/stores/redis/single.ts'
import { startValkey, type Valkey } from './valkey.ts'

/** The link to a Valkey of the tests around it, which starts before the first of them and ends after the last. */
export function valkeyOfTests(): { readonly link: ReturnType<typeof createSingleLink> } {
  let valkey: Valkey
  let link: ReturnType<typeof createSingleLink>
  before(async () => {
    valkey = await startValkey()
    link = createSingleLink({ host: '127.0.0.1', port: valkey.port })
    await once(link.client, 'ready')
  })
  after(async () => {
    link.close()
    await valkey.stop()
  })
  return {
    get link() {
      return link
    },
  }
}
