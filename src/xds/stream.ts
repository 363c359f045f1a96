import { status } from '@grpc/grpc-js'
import type { AdsRequest, AdsResponse } from './answer.ts'
import { bounds } from './bounds.ts'
import type { AdsCall, Carrier } from './carrier.ts'
import type { Admission } from './gateways.ts'
import { forgetRead } from './grpc-call.ts'
import type { Identity } from './node.ts'
import { type Refusal, receive, tell, unknownGateway } from './reception.ts'
import { ServedStream, type StreamDependencies } from './served-stream.ts'

/**
 * Serves one gRPC call: awaits who it is, awaits its gateway, then carries messages between the call and an
 * `AdsStream`. Returns a function that ends the stream with a status.
 */
export function serveStream<Request extends AdsRequest, Response extends AdsResponse>(
  call: AdsCall<Request>,
  carrier: Carrier<Request, Response>,
  dependencies: StreamDependencies,
): (code: keyof typeof status, message: string) => void {
  const { gateways, pass, clock } = dependencies
  const peer = call.getPeer()
  let over = false
  let withdraw = () => {}
  let served: ServedStream<Request, Response> | undefined

  function end(code: keyof typeof status, message: string): void {
    if (over) return
    leave(message)
    call.emit('error', { code: status[code], details: message })
  }

  function leave(reason: string): void {
    if (over) return
    over = true
    clearTimeout(deadline)
    withdraw()
    served?.left(reason)
  }

  function refuse(refusal: Refusal): void {
    tell(refusal, peer, dependencies)
    end(refusal.code, refusal.message)
  }

  function admitted(first: Request, identity: Identity, admission: Admission): void {
    if (over) return
    if (admission === 'unknown') {
      refuse(unknownGateway(identity))
      return
    }
    served = new ServedStream(call, carrier, identity, peer, admission.snapshot, dependencies, end)
    served.onRequest(first)
    call.resume()
  }

  const deadline = setTimeout(() => {
    end('INVALID_ARGUMENT', `the stream sent no request within ${bounds.firstRequestMs} ms`)
  }, bounds.firstRequestMs)

  call.on('data', (request: Request) => {
    if (over) return
    forgetRead(call)
    if (served !== undefined) {
      served.onRequest(request)
      return
    }
    clearTimeout(deadline)
    const identity = receive(request.node, pass, clock.now())
    if ('rule' in identity) {
      refuse(identity)
      return
    }
    // Nothing more is read until the gateway is known.
    call.pause()
    withdraw = gateways.admit(identity.gateway, identity, (admission) =>
      admitted(request, identity, admission),
    )
  })
  call.on('end', () => {
    leave('the client ended the stream')
    call.end()
  })
  call.on('cancelled', () => leave('the connection was lost'))
  call.on('error', () => leave('the stream failed'))

  return end
}
