/** What a command may touch of the world. */
export interface Cli {
  environment: Readonly<Record<string, string | undefined>>
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  stdin: NodeJS.ReadStream
  /** Fires on Ctrl-C. */
  signal: AbortSignal
}

/** Exit codes: part of the interface. */
export const exitCodes = { done: 0, refused: 1, usage: 2, different: 3, interrupted: 130 } as const

/** weir or this machine refused: the lines say why and what to do. Exit code 1. */
export class Refused extends Error {
  readonly lines: readonly string[]

  constructor(...lines: string[]) {
    super(lines.join('\n'))
    this.lines = lines
  }

  /** The same with more to say. */
  followedBy(...lines: string[]): Refused {
    return new Refused(...this.lines, ...lines)
  }
}

/** The command was written wrongly. Exit code 2. */
export class Usage extends Error {}
