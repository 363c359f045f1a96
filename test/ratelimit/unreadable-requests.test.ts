import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ServiceError, status } from '@grpc/grpc-js'
import { mostEntries } from '../../src/model/descriptor.ts'
import { createLaneTransport } from '../../src/ratelimit/transports/lane.ts'
import { mostDescriptors } from '../../src/ratelimit/transports/messages.ts'
import { clientOfTests } from '../support/transport-client.ts'
import { lengthed } from '../support/wire-fields.ts'

const path = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit'
const same = (bytes: Buffer) => bytes
const many = (count: number, field: Buffer) => Buffer.concat(Array.from({ length: count }, () => field))

describe('requests that the lane refuses before they are decided', () => {
  const seen: string[] = []
  const transport = createLaneTransport({
    decide() {
      seen.push('a decision')
      return { overall_code: 'OK', statuses: [], response_headers_to_add: [] }
    },
    serving: () => true,
    observe: ({ event }) => seen.push(event),
  })
  const peer = clientOfTests(transport)

  function statusOf(message: Buffer): Promise<number> {
    return new Promise((resolve) => {
      peer.client.makeUnaryRequest(path, same, same, message, (error: ServiceError | null) =>
        resolve(error?.code ?? status.OK),
      )
    })
  }

  const empty = Buffer.alloc(0)
  const refused = [
    { what: 'bytes that are no message', message: Buffer.from([0x12, 0x7f]), code: status.INVALID_ARGUMENT },
    {
      what: 'too many descriptors',
      message: many(mostDescriptors + 1, lengthed(2, empty)),
      code: status.RESOURCE_EXHAUSTED,
    },
    {
      what: 'too many entries',
      message: lengthed(2, many(mostEntries + 1, lengthed(1, empty))),
      code: status.RESOURCE_EXHAUSTED,
    },
  ]
  for (const { what, message, code } of refused) {
    test(`${what}: ${status[code]}, nothing is decided, and the connection lives on`, async () => {
      seen.length = 0
      assert.equal(await statusOf(message), code)
      assert.deepEqual(seen, [])
      assert.equal(await statusOf(many(mostDescriptors, lengthed(2, empty))), status.OK)
      assert.deepEqual(seen, ['a decision'])
    })
  }
})
