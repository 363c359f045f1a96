import type { StartContext } from './start-context.ts'

/** Whether a balancer should send requests here, and why not. */
export function readinessOf(
  { shutdown }: StartContext,
  counters: () => unknown,
  known: {
    feed: { trouble(): string | undefined }
    breakers: { warnings(): string[] }
    revision: number
    loaded: boolean
  },
) {
  const { feed, revision, loaded } = known
  const stopping = shutdown.signal.aborted
  const breakers = known.breakers.warnings().join('; ') || 'ok'
  const detail = { revision, postgres: feed.trouble() ?? 'ok', counters: counters(), breakers }
  return { ready: loaded && !stopping, stopping, detail }
}
