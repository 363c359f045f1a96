import type { Micros } from '../algorithms/algorithm.ts'
import type { ShownPart } from '../decision/verdict.ts'
import { type CounterId, isSameId } from '../identity/counter-id.ts'

/** Keys that are watched for each policy. */
const mostWatched = 512
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
  /** Requests that were perhaps its own before it was watched: what the key had whose place it took. */
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
 * The keys that a policy saw most, by the Space-Saving algorithm (Metwally, Agrawal and El Abbadi, "Efficient
 * Computation of Frequent and Top-k Elements in Data Streams", 2005): a new key takes the place of the rarest and its
 * count as a possible error. Every key with more than 1/512 of the requests is among them, whatever keys a client makes up.
 * Their costs do not count: one request of a made-up key could else outweigh all of an honest one.
 */
export function createBusyKeys(): BusyKeys {
  /** The rarest first: each is at most as frequent as those at twice its place and one more. */
  const heap: PlacedKey[] = []
  /** Of each in the heap, all that it is counted for: looking through these touches no object. */
  const counts = new Float64Array(mostWatched)
  /** By the first word of its hash; of two keys that share it the second is not watched. */
  const byWord = new Map<number, PlacedKey>()
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

  function enter({ key, numbers, shown }: Seen): PlacedKey {
    const fresh = { key, parts: shown(), numbers, admitted: 0, denied: 0, error: 0, place: heap.length }
    if (heap.length < mostWatched) rise(fresh)
    else {
      const rarest = heap[0]!
      byWord.delete(rarest.key.a)
      fresh.error = countOf(rarest)
      put(fresh, fresh.error, 0)
    }
    byWord.set(key.a, fresh)
    return fresh
  }

  /** A key without any count is the rarest. */
  function rise(key: PlacedKey): void {
    let { place } = key
    for (let parent = (place - 1) >> 1; place > 0 && counts[parent]! > 0; parent = (place - 1) >> 1) {
      put(heap[parent]!, counts[parent]!, place)
      place = parent
    }
    put(key, 0, place)
  }

  function halve(now: Micros): void {
    const times = Math.min(52, Math.floor((now - halvedAt) / halfLife))
    halvedAt = now
    for (const key of heap) {
      key.admitted = Math.floor(key.admitted / 2 ** times)
      key.denied = Math.floor(key.denied / 2 ** times)
      key.error = Math.floor(key.error / 2 ** times)
    }
    // Rounding may change the order of neighbours.
    const all = heap.splice(0).sort((left, right) => countOf(left) - countOf(right))
    for (const [place, key] of all.entries()) put(key, countOf(key), place)
  }

  return {
    add(seen, now) {
      if (now - halvedAt >= halfLife) halve(now)
      const known = byWord.get(seen.key.a) ?? enter(seen)
      if (!isSameId(known.key, seen.key)) return
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

function countOf({ admitted, denied, error }: WatchedKey): number {
  return admitted + denied + error
}
