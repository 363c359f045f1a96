import type { Door } from '../model/kind.ts'
import type { Settings } from './settings.ts'

/** The sockets on which weir itself listens. */
export function doorsOf({ adminAddr, xdsAddr, rlsAddr }: Settings) {
  return {
    ratelimit: { title: 'Rate-limit service', setting: 'WEIR_RLS_ADDR', address: rlsAddr },
    xds: { title: 'xDS server', setting: 'WEIR_XDS_ADDR', address: xdsAddr },
    admin: { title: 'Admin API', setting: 'WEIR_ADMIN_ADDR', address: adminAddr },
  } satisfies Record<string, Door>
}
