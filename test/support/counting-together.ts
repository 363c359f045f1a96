import { until } from './until.ts'
import type { Weir } from './weir.ts'

interface Ready {
  detail: { counters: { rung?: string; record?: { replicas: string[] } } }
}

/** Waits until the store alone decides for a replica, and it is one of so many. */
export async function countingTogether(
  { url }: Pick<Weir, 'url'>,
  replicas: number,
  seconds?: number,
): Promise<void> {
  const look = async () => {
    const answer = await fetch(`${url}/readyz`)
    if (!answer.ok) return false
    const { rung, record } = ((await answer.json()) as Ready).detail.counters
    return rung === 'store' && record?.replicas.length === replicas
  }
  await until(`${replicas} replicas count as one`, look, seconds)
}
