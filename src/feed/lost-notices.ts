import type { Hints } from './feed.ts'

/**
 * Finds notifications that did not arrive: each is counted in a table, so that a number which is not the last one says
 * that something was told. One look is under way at most, and one that fails finds out nothing.
 */
export function createLostNotices(read: () => Promise<ReadonlyMap<string, number>>, hints: Hints) {
  let known: ReadonlyMap<string, number> | undefined
  let looking: Promise<void> | undefined

  async function exchange(): Promise<void> {
    const before = known
    known = await read()
    if (before === undefined) return
    for (const [channel, number] of known) if (number !== before.get(channel)) hints[channel]?.()
  }

  return {
    look(): Promise<void> {
      looking ??= exchange()
        .catch(() => {})
        .finally(() => {
          looking = undefined
        })
      return looking
    },
  }
}
