/** Looks at what others write, of which at most one is under way and at most one is pending. */
export interface Looks {
  /** Resolves after a look that begins after this call. */
  look(): Promise<void>
  /** Resolves once none is under way or pending. */
  ended(): Promise<void>
}

/** @param once one look; it never fails */
export function createLooks(once: () => Promise<void>): Looks {
  let looking: Promise<void> | undefined
  let next: Promise<void> | undefined

  function look(): Promise<void> {
    if (looking === undefined) {
      looking = once().finally(() => {
        looking = undefined
      })
      return looking
    }
    next ??= looking.then(() => {
      next = undefined
      return look()
    })
    return next
  }

  return { look, ended: () => next ?? looking ?? Promise.resolve() }
}
