import type { WriteStream } from 'node:tty'

/** Tells a person at a terminal, or a plain log, how the start goes: one line a step. */
export interface Progress {
  /** Runs a step; `work` answers with what is worth telling of it. */
  step<T>(title: string, work: () => Promise<{ result: T; detail: string }>): Promise<T>
  line(text: string): void
}

export function createProgress(out: NodeJS.WritableStream): Progress {
  const terminal = (out as Partial<WriteStream>).isTTY === true
  const line = (text: string) => void out.write(`${text}\n`)
  return {
    line,
    async step(title, work) {
      const started = performance.now()
      if (terminal) out.write(`… ${title}`)
      try {
        const { result, detail } = await work()
        const seconds = ((performance.now() - started) / 1000).toFixed(1)
        if (terminal) out.write('\r\u001b[2K')
        line(`${terminal ? '✓ ' : ''}${title}: ${detail} (${seconds} s)`)
        return result
      } catch (error) {
        if (terminal) out.write('\r\u001b[2K')
        throw error
      }
    },
  }
}
