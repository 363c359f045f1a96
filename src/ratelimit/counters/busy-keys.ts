import type { Micros } from '../algorithms/algorithm.ts'
import type { ShownPart } from '../decision/verdict.ts'
import { type CounterId, isSameId } from '../identity/counter-id.ts'

/** Keys that are watched for each policy. */
const mostWatched = 512
/** Groups of the keys that are not watched, by their hash; a power of two. */
const groups = 4_096
/** Counts are halved this often, so that they are of the last minutes. */
const halfLife: Micros = 60_000_000

/** A key that is watched, with the number of its requests of late. */
export interface WatchedKey {
  /** Hash of the key's values. */
  readonly key: CounterId
  readonly parts: ShownPart[]
  /** The numbers of its last request, by what they are for. */
  numbers: string
  admitted: number
  denied: number
  /** Requests that were perhaps its own before it was watched: those of its group. */
  error: number
}

interface PlacedKey extends WatchedKey {
  /** In the heap. */
  place: number
}

/** One request of a key. */
export interface Seen {
  key: CounterId
  numbers: string
  admitted: boolean
  /** The key as it may be shown; asked when it is new here. */
  shown(): ShownPart[]
}

export interface BusyKeys {
  add(seen: Seen, now: Micros): void
  find(key: CounterId): WatchedKey | undefined
  /** The busiest keys, those that were refused most first. */
  top(count: number, now: Micros): WatchedKey[]
}

/**
 * The keys that a policy saw most, by Filtered Space-Saving (Homem and Carvalho, "Finding top-k elements in data streams",
 * 2010): keys that are not watched are counted in groups, and one takes the place of the rarest when its group has come to
 * as many requests, with those of the group as a possible error. So most keys that come once cost one addition. Every key
 * with more than 1/512 of the requests is among them, whatever keys a client makes up: no group has more than the rarest,
 * and all counts together are no more than the requests. Their costs do not count: one request of a made-up key could else
 * outweigh all of an honest one.
 */
export function createBusyKeys(): BusyKeys {
  /** The rarest first: each is at most as frequent as those at twice its place and one more. */
  const heap: PlacedKey[] = []
  /** Of each in the heap, all that it is counted for: looking through these touches no object. */
  const counts = new Float64Array(mostWatched)
  /** By the first word of its hash; of two keys that share it the second is not watched. */
  const byWord = new Map<number, PlacedKey>()
  /** Of each group, no fewer than any of its keys has had. */
  const unwatched = new Uint32Array(groups)
  let halvedAt: Micros = 0

  function put(key: PlacedKey, count: number, place: number): void {
    heap[place] = key
    counts[place] = count
    key.place = place
  }

  /** Puts a key that was counted once more behind those that are rarer now. */
  function sink(key: PlacedKey): void {
    const count = countOf(key)
    const { length } = heap
    let { place } = key
    for (;;) {
      let child = 2 * place + 1
      if (child >= length) break
      if (child + 1 < length && counts[child + 1]! < counts[child]!) child++
      if (counts[child]! >= count) break
      put(heap[child]!, counts[child]!, place)
      place = child
    }
    put(key, count, place)
  }

  /** Watches a key, where it may be frequent enough. */
  function enter({ key, numbers, shown }: Seen): PlacedKey | undefined {
    const error = unwatched[groupOf(key)]!
    const full = heap.length === mostWatched
    if (full && error + 1 < counts[0]!) {
      unwatched[groupOf(key)] = error + 1
      return undefined
    }
    const fresh = { key, parts: shown(), numbers, admitted: 0, denied: 0, error, place: heap.length }
    if (full) replaceRarest(fresh)
    else rise(fresh)
    byWord.set(key.a, fresh)
    return fresh
  }

  function replaceRarest(fresh: PlacedKey): void {
    const rarest = heap[0]!
    byWord.delete(rarest.key.a)
    const group = groupOf(rarest.key)
    unwatched[group] = Math.max(unwatched[group]!, counts[0]!)
    put(fresh, fresh.error, 0)
  }

  /** Puts a key that is new, and last, before those that are more frequent. */
  function rise(key: PlacedKey): void {
    const { error } = key
    let { place } = key
    for (let parent = (place - 1) >> 1; place > 0 && counts[parent]! > error; parent = (place - 1) >> 1) {
      put(heap[parent]!, counts[parent]!, place)
      place = parent
    }
    put(key, error, place)
  }

  function halve(now: Micros): void {
    const times = Math.min(52, Math.floor((now - halvedAt) / halfLife))
    halvedAt = now
    for (const key of heap) {
      key.admitted = Math.floor(key.admitted / 2 ** times)
      key.denied = Math.floor(key.denied / 2 ** times)
      key.error = Math.floor(key.error / 2 ** times)
    }
    for (const [group, count] of unwatched.entries()) unwatched[group] = Math.floor(count / 2 ** times)
    // Rounding may change the order of neighbours.
    const all = heap.splice(0).sort((left, right) => countOf(left) - countOf(right))
    for (const [place, key] of all.entries()) put(key, countOf(key), place)
  }

  return {
    add(seen, now) {
      if (now - halvedAt >= halfLife) halve(now)
      const known = byWord.get(seen.key.a) ?? enter(seen)
      if (known === undefined || !isSameId(known.key, seen.key)) return
      known.numbers = seen.numbers
      if (seen.admitted) known.admitted++
      else known.denied++
      sink(known)
    },
    find(key) {
      const watched = byWord.get(key.a)
      return watched !== undefined && isSameId(watched.key, key) ? watched : undefined
    },
    top(count, now) {
      if (now - halvedAt >= halfLife) halve(now)
      const byFrequency = (left: WatchedKey, right: WatchedKey) =>
        right.denied - left.denied || countOf(right) - countOf(left)
      return [...heap].sort(byFrequency).slice(0, count)
    },
  }
}

function groupOf({ b }: CounterId): number {
  return b & (groups - 1)
}

function countOf({ admitted, denied, error }: WatchedKey): number {
  return admitted + denied + error
}
