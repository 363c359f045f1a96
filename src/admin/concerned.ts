/** Which gateways the latest revisions concerned. */
export interface Concerned {
  get(revision: number): ReadonlySet<string> | undefined
  set(revision: number, gateways: ReadonlySet<string>): void
}

const kept = 256

export function createConcerned(): Concerned {
  const known = new Map<number, ReadonlySet<string>>()
  return {
    get: (revision) => known.get(revision),
    set(revision, gateways) {
      known.set(revision, gateways)
      if (known.size > kept) known.delete(known.keys().next().value!)
    },
  }
}
