import type { ConnectionRule } from './bounds.ts'
import { errorCode } from './frames.ts'

/** The peer broke the protocol or a bound in a way that costs the connection (RFC 9113 section 5.4.1). */
export class Violation extends Error {
  /** What GOAWAY says. */
  readonly code: number
  readonly rule: ConnectionRule

  constructor(code: number, rule: ConnectionRule, message: string) {
    super(message)
    this.code = code
    this.rule = rule
  }
}

export function protocolViolation(message: string): Violation {
  return new Violation(errorCode.protocol, 'protocol', message)
}

export function frameSizeViolation(message: string): Violation {
  return new Violation(errorCode.frameSize, 'frame_size', message)
}

export function flowControlViolation(message: string): Violation {
  return new Violation(errorCode.flowControl, 'flow_control', message)
}

export function compressionViolation(message: string): Violation {
  return new Violation(errorCode.compression, 'compression', message)
}

export function flood(rule: ConnectionRule): Violation {
  return new Violation(errorCode.enhanceYourCalm, rule, rule)
}
