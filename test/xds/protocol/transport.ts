import type { Snapshot } from '../../../src/xds/snapshot.ts'
import type { Client, Request, Said } from './client.ts'

/**
 * The replicas of a control plane, as clients and writers get at them. What is promised is kept when all has been heard that
 * replicas send because of it: from then on nothing happens until the next call.
 */
export interface Transport {
  /** Milliseconds, of a clock that goes on by `pass` alone. */
  readonly now: () => number
  /** A stream, which the replica learns of by the first request. */
  open(replica: number, client: Pick<Client, 'protocol' | 'id'>, hear: (said: Said) => void): Stream
  publish(replica: number, snapshot: Snapshot): Promise<void>
  /** Somebody wants what was refused to be sent again at once. */
  retry(replica: number): Promise<void>
  pass(ms: number): Promise<void>
  /** When something is to be sent again by itself. */
  nextRetry(): number | undefined
  close(): Promise<void>
}

export interface Stream {
  send(request: Request): Promise<void>
  /** The state of what the replica delivers by it. */
  delivery(): string
  /** The replica has noticed that it is over. */
  close(): Promise<void>
}
