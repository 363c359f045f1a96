import type { Redis } from 'ioredis'
import type { Script } from './scripts.ts'

/** For commands to one server. */
export type Primary = Pick<Redis, 'call' | 'pipeline'> & {
  readonly options: { readonly host?: string; readonly port?: number }
}

/** The way to a store. */
export interface RedisLink {
  /** Runs a script on the primary that has these keys; answers with its list, as bytes. Rejects where it does not answer. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<Buffer[]>
  /** Makes calls that go to each node in one write. */
  together?(calls: () => void): void
  /** All servers that have counters. */
  primaries?(): readonly Primary[]
  /** Keys are spread over the slots of a cluster: those of one call are in one slot. */
  readonly isCluster?: boolean
}
