/** Waits for a condition that others change; it is looked at again at each `changed`. */
export function createSettling() {
  const waiting = new Set<() => void>()
  return {
    changed(): void {
      for (const check of waiting) check()
    },
    /** Resolves once it holds, or the signal fires. */
    until(holds: () => boolean, signal: AbortSignal): Promise<void> {
      if (holds() || signal.aborted) return Promise.resolve()
      return new Promise((resolve) => {
        const check = () => {
          if (!holds() && !signal.aborted) return
          waiting.delete(check)
          signal.removeEventListener('abort', check)
          resolve()
        }
        waiting.add(check)
        signal.addEventListener('abort', check)
      })
    },
  }
}
