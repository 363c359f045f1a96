import { setTimeout as delay } from 'node:timers/promises'

/** Looks again and again until it is so, since nothing announces it; gives up after `seconds`. */
export async function until(
  what: string,
  look: () => Promise<boolean> | boolean,
  seconds = 20,
): Promise<void> {
  const deadline = performance.now() + seconds * 1_000
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${seconds} s`)
    await delay(10)
  }
}
