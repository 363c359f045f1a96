import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ServiceError, status } from '@grpc/grpc-js'
import { decode, service } from '../../src/envoy-api/protos.ts'
import { WeirError } from '../../src/errors.ts'
import type { RateLimitRequest, RateLimitResponse } from '../../src/ratelimit/transports/messages.ts'
import type { Decide, Transport } from '../../src/ratelimit/transports/transport.ts'
import { clientOfTests } from '../support/transport-client.ts'

const definition = service('envoy.service.ratelimit.v3.RateLimitService').ShouldRateLimit!

/** What every transport of the rate-limit service must do, asked by a plain gRPC client. */
export function transportContract(
  name: string,
  create: (decide: Decide, serving: () => boolean) => Transport,
): void {
  describe(`transport ${name}`, () => {
    let answer: Decide = () => ({ overall_code: 'OK', statuses: [], response_headers_to_add: [] })
    let serving = true
    const transport = create(
      (request) => answer(request),
      () => serving,
    )
    const peer = clientOfTests(transport)

    function call(request: RateLimitRequest): Promise<RateLimitResponse> {
      return new Promise((resolve, reject) => {
        peer.client.makeUnaryRequest(
          definition.path,
          definition.requestSerialize,
          definition.responseDeserialize,
          request,
          (error, response) => (error === null ? resolve(response as RateLimitResponse) : reject(error)),
        )
      })
    }

    test('carries requests and responses unchanged, bytes that are no UTF-8 included', async () => {
      let seen: RateLimitRequest | undefined
      answer = (request) => {
        seen = request
        return {
          overall_code: 'OVER_LIMIT',
          statuses: [
            { code: 'OVER_LIMIT', limit_remaining: 7, duration_until_reset: { seconds: 3, nanos: 5 } },
          ],
          response_headers_to_add: [{ key: 'RateLimit', value: 'x' }],
        }
      }
      const value = Buffer.from([0xff, 0x00, 0x41])
      const response = await call({
        domain: 'edge',
        descriptors: [{ entries: [{ key: 'k', value }] }],
        hits_addend: 4,
      })
      assert.equal(seen?.domain, 'edge')
      assert.equal(seen.hits_addend, 4)
      assert.equal(seen.descriptors?.[0]?.entries?.[0]?.value?.toString('latin1'), '\xff\x00A')
      assert.equal(response.overall_code, 'OVER_LIMIT')
      assert.deepEqual(response.response_headers_to_add, [{ key: 'RateLimit', value: 'x' }])
      assert.equal(response.statuses[0]?.limit_remaining, 7)
    })

    test('waits for an answer that takes its time', async () => {
      answer = async () => {
        await new Promise((resolve) => setImmediate(resolve))
        return { overall_code: 'OK', statuses: [], response_headers_to_add: [] }
      }
      assert.equal((await call({ domain: 'edge' })).overall_code, 'OK')
    })

    test('gives each of the answers that come together to whom it is for', async () => {
      let allAreAsked = () => {}
      const together = new Promise<void>((resolve) => {
        allAreAsked = resolve
      })
      let asked = 0
      answer = async ({ domain }) => {
        if (++asked === 20) allAreAsked()
        await together
        return { overall_code: 'OK', statuses: [], response_headers_to_add: [{ key: 'x', value: domain! }] }
      }
      const names = Array.from({ length: 20 }, (_, index) => 'x'.repeat(index) + String(index))
      const answers = await Promise.all(names.map((domain) => call({ domain })))
      const values = answers.map(({ response_headers_to_add: [header] }) => header!.value)
      assert.deepEqual(values, names)
    })

    test('says by its health check whether it wants to be asked (gRPC health checking protocol)', async () => {
      const { path } = service('grpc.health.v1.Health').Check!
      const check = () =>
        new Promise<string>((resolve, reject) => {
          const same = (bytes: Buffer) => bytes
          peer.client.makeUnaryRequest(path, same, same, Buffer.alloc(0), (error, answered) => {
            if (error !== null) reject(error)
            else resolve(answered!.toString('hex'))
          })
        })
      // Field 1, an enum: 1 is SERVING, 2 NOT_SERVING.
      assert.equal(await check(), '0801')
      serving = false
      assert.equal(await check(), '0802')
    })

    const failures = [
      { error: new WeirError('unavailable', 'not yet'), code: status.UNAVAILABLE, details: 'not yet' },
      { error: new WeirError('malformed', 'too many'), code: status.INVALID_ARGUMENT, details: 'too many' },
      {
        error: new WeirError('too_large', 'too much'),
        code: status.RESOURCE_EXHAUSTED,
        details: 'too much',
      },
      { error: new Error('a secret'), code: status.INTERNAL, details: 'internal error' },
    ]
    for (const { error, code, details } of failures) {
      test(`answers ${status[code]} where deciding fails by ${error.message}`, async () => {
        answer = () => {
          throw error
        }
        await assert.rejects(call({ domain: 'edge' }), (thrown: ServiceError) => {
          assert.equal(thrown.code, code)
          assert.equal(thrown.details, details)
          return true
        })
      })
    }

    test('refuses a message beyond its bound and lives on', async () => {
      answer = () => ({ overall_code: 'OK', statuses: [], response_headers_to_add: [] })
      const value = Buffer.alloc(5 * 1024 * 1024)
      await assert.rejects(
        call({ domain: 'edge', descriptors: [{ entries: [{ key: 'k', value }] }] }),
        (thrown: ServiceError) => thrown.code === status.RESOURCE_EXHAUSTED,
      )
      assert.equal((await call({ domain: 'edge' })).overall_code, 'OK')
    })

    test('keeps a hits addend of 0 apart from none', () => {
      const bytes = definition.requestSerialize({ domain: 'd', descriptors: [{ hits_addend: { value: 0 } }] })
      const back = decode('envoy.service.ratelimit.v3.RateLimitRequest', bytes) as RateLimitRequest
      assert.ok(back.descriptors?.[0]?.hits_addend !== undefined)
    })
  })
}
