import type { Rollout } from '../model/rollout-json.ts'

/** A rollout in a line: `edge: revision 7 running, wave 1 of 3 (track=canary), settling: 2 of 9 Envoys have it`. */
export function rolloutText(rollout: Rollout): string {
  const { gateway, state, revision, base, reason } = rollout
  if (state === 'done') return `${gateway}: all Envoys are at revision ${revision}`
  const why = reason === '' ? '' : `: ${reason}`
  if (state === 'reverted' || state === 'reverting') {
    return `${gateway}: revision ${revision} is ${state}, the Envoys are at ${base}${why}`
  }
  const { wave, envoys } = rollout
  const where =
    wave === undefined ? '' : `, wave ${wave.number} of ${wave.of} (${wave.envoys}), ${wave.phase}`
  return `${gateway}: revision ${revision} ${state}${where}${envoys === undefined ? '' : envoysText(envoys)}${why}`
}

function envoysText({ reached, pending, others }: NonNullable<Rollout['envoys']>): string {
  const waiting = pending === 0 ? '' : `, ${pending} not yet`
  return `; ${reached} of ${reached + others} Envoys${waiting}`
}
