import { startupError } from '../errors.ts'
import { remedyAmong } from '../model/suggest.ts'
import type { CounterStoreSettings } from './counter-store.ts'

const roles = ['admin', 'xds', 'ratelimit'] as const
export type Role = (typeof roles)[number]

/** What this process does, of WEIR_ROLES: all by default. Throws a start-up error. */
export function rolesOf(
  values: Readonly<Record<string, string | undefined>>,
  { up, store }: { up: boolean; store: CounterStoreSettings['kind'] },
): ReadonlySet<Role> {
  const text = values.WEIR_ROLES?.trim() || roles.join()
  const chosen = new Set(text.split(',').map((each) => roleOf(each.trim())))
  if (chosen.size === roles.length) return chosen
  if (up)
    throw startupError(
      `\`weir up\` has every role, and WEIR_ROLES=${text} leaves some out.`,
      'Leave it out, or use `weir serve`.',
    )
  // What a write did to the Envoys is known by the process that has their streams.
  if (chosen.has('admin') !== chosen.has('xds'))
    throw startupError(
      `WEIR_ROLES=${text} parts admin from xds.`,
      'Write it as admin,xds, as ratelimit, or leave it out for all.',
    )
  if (!chosen.has('ratelimit') && !values.WEIR_RLS_ENVOY_ADDR?.trim())
    throw startupError(
      `WEIR_ROLES=${text} leaves out the rate-limit service.`,
      'Name those that the Envoys are to ask in WEIR_RLS_ENVOY_ADDR.',
    )
  if (store !== 'redis')
    throw startupError(
      `WEIR_ROLES=${text} is a part of a weir whose counters are elsewhere.`,
      'Set REDIS_URL to where they are.',
    )
  return chosen
}

function roleOf(text: string): Role {
  const role = roles.find((each) => each === text)
  if (role === undefined) throw startupError(`WEIR_ROLES has "${text}":`, `${remedyAmong(text, roles)}.`)
  return role
}
