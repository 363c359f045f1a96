import { LaneError, type Method } from './method.ts'

/** `grpc.health.v1.HealthCheckResponse`: field 1, an enum of which 1 is SERVING and 2 NOT_SERVING. */
const serving = Buffer.of(0x08, 1)
const notServing = Buffer.of(0x08, 2)

/**
 * The gRPC health checking protocol (https://github.com/grpc/grpc/blob/master/doc/health-checking.md) as methods. `Watch` is
 * left out, as the protocol allows: a caller that is told UNIMPLEMENTED does not ask again.
 *
 * @param isServing of a service by its full name, or of all where the name is empty; undefined where there is none
 */
export function healthMethods(isServing: (service: string) => boolean | undefined): [string, Method][] {
  const check: Method = (message) => {
    const answer = isServing(serviceOf(message))
    if (answer === undefined) throw new LaneError('NOT_FOUND', 'no such service here')
    return answer ? serving : notServing
  }
  return [['/grpc.health.v1.Health/Check', check]]
}

/** `HealthCheckRequest` has one field, a string with number 1. */
function serviceOf(message: Buffer): string {
  if (message.length === 0) return ''
  if (message[0] !== 0x0a || message[1] !== message.length - 2) {
    throw new LaneError('INVALID_ARGUMENT', 'no HealthCheckRequest, or a name of more than 127 bytes')
  }
  return message.toString('utf8', 2)
}
