/** Looks at what others write, of which at most one is under way and at most one is pending. */
export interface Looks {
  /** Settles as a look does that begins after this call. */
  look(): Promise<void>
  /** Resolves once none is under way or pending. */
  ended(): Promise<void>
}

const none = () => undefined

/** @param once one look; whoever asked for it hears of its failure */
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
    next ??= looking.catch(none).then(() => {
      next = undefined
      return look()
    })
    return next
  }

  return { look, ended: () => (next ?? looking ?? Promise.resolve()).catch(none) }
}
