import type { StartContext } from './start-context.ts'

/** Whether a balancer should send requests here, and why not. */
export function readinessOf(
  { shutdown }: StartContext,
  counters: () => unknown,
  { feed, revision, loaded }: { feed: { trouble(): string | undefined }; revision: number; loaded: boolean },
) {
  const stopping = shutdown.signal.aborted
  const detail = { revision, postgres: feed.trouble() ?? 'ok', counters: counters() }
  return { ready: loaded && !stopping, stopping, detail }
}
