import type { Life } from '../xds/elsewhere.ts'

/** Signs of life without which a replica is quiet: an Envoy of it that is seen elsewhere has moved. */
const quietSigns = 3
/**
 * Signs without which nothing is known of its Envoys. By then an Envoy has noticed that its replica is gone: its keepalive
 * asks every 5 s and waits 2 s.
 */
const silentSigns = 8

/** Whether a replica lives that gave no sign for so long; `signMs` is between two signs. */
export function lifeOf(silentMs: number, signMs: number): Life {
  const signs = silentMs / signMs
  return signs >= silentSigns ? 'silent' : signs >= quietSigns ? 'quiet' : 'live'
}
