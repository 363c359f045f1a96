import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js'

/**
 * Whoever makes a gRPC server or client calls this first: the library would write to stderr by itself, past the
 * log and the screen; what matters of it arrives as errors.
 */
export function silenceGrpc(): void {
  setLogVerbosity(logVerbosity.NONE)
}
