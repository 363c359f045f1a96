import type { Rollout } from '../model/rollout-json.ts'

/** A rollout in a line: `edge: revision 7 running, wave 1 of 3 (track=canary), settling: 2 of 9 Envoys have it`. */
export function rolloutText(rollout: Rollout): string {
  const { gateway, state, revision, base, reason } = rollout
  if (state === 'done') return `${gateway}: all Envoys are at revision ${revision}`
  const why = reason === '' ? '' : `: ${reason}`
  if (state === 'reverted' || state === 'reverting') {
    const where = state === 'reverted' ? 'are at' : 'go back to'
    return `${gateway}: revision ${revision} is ${state}, the Envoys ${where} ${base}${why}`
  }
  const { wave, envoys } = rollout
  const phase = wave?.phase === undefined ? '' : `, ${wave.phase}`
  const where = wave === undefined ? '' : `, wave ${wave.number} of ${wave.of} (${wave.envoys})${phase}`
  return `${gateway}: revision ${revision} ${state}${where}${envoys === undefined ? '' : envoysText(envoys)}${why}`
}

function envoysText({ reached, pending, others }: NonNullable<Rollout['envoys']>): string {
  const waiting = pending === 0 ? '' : `, ${pending} not yet`
  return `; ${reached} of ${reached + others} Envoys${waiting}`
}
