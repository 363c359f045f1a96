/** So many at once. */
const most = 64

/** Does the work for each, some at a time, for as long as it may go on; answers with what came of those that it was done for. */
export async function inBatches<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  mayGoOn = () => true,
): Promise<R[]> {
  const done: R[] = []
  for (let index = 0; index < items.length && mayGoOn(); index += most) {
    done.push(...(await Promise.all(items.slice(index, index + most).map(work))))
  }
  return done
}
