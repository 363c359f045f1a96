import type { TestContext } from 'node:test'
import { createLane, type Lane, type LaneOptions } from '../../src/grpc-lane/lane.ts'
import type { Event } from '../../src/observe.ts'
import { echoing } from './plain.ts'

/** A lane on a port of this machine, for one test or, with its `after`, for a suite. */
export async function serveLane(
  t: Pick<TestContext, 'after'>,
  options: Partial<LaneOptions> = {},
): Promise<{ lane: Lane; port: number; events: Event[] }> {
  const events: Event[] = []
  const lane = createLane({
    methods: echoing,
    observe: (event) => event.event !== 'lane_refused' && events.push(event),
    ...options,
  })
  const { port } = await lane.listen('127.0.0.1:0')
  t.after(() => lane.close(0))
  return { lane, port, events }
}
