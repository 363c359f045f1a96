import type { Micros } from '../../algorithms/algorithm.ts'
import type { Place } from './shares.ts'

/** A replica, as the record of a store has it. */
export interface Member {
  readonly id: string
  /** Its last sign of life, on the store's clock. */
  readonly seenAt: Micros
  /** Whether it had come to the store then, with all that it counted alone. */
  readonly ready: boolean
}

/** The replicas that live. `number` grows whenever there are others. */
export interface Members {
  readonly number: number
  /** By id. */
  readonly list: readonly Member[]
}

/** Reads `heartbeat.lua`'s answer: its time and the record. Throws for anything else. */
export function readMembers(answer: readonly Buffer[]): { now: Micros; members: Members } {
  const [seconds, microseconds, number, ...rest] = answer.map(String)
  const list: Member[] = []
  for (let index = 0; index + 2 < rest.length; index += 3) {
    list.push({ id: rest[index]!, seenAt: Number(rest[index + 1]), ready: rest[index + 2] === '1' })
  }
  if (rest.length !== list.length * 3) throw new Error('the record of the replicas cannot be read')
  list.sort((one, other) => (one.id < other.id ? -1 : 1))
  return {
    now: Number(seconds) * 1_000_000 + Number(microseconds),
    members: { number: Number(number), list },
  }
}

/** Where a replica stands in a record; nothing where it is in none. */
export function placeOf(id: string, members: Members | undefined): Place | undefined {
  const rank = members?.list.findIndex((each) => each.id === id) ?? -1
  return rank === -1 ? undefined : { replicas: members!.list.length, rank }
}

/** Whether every other replica said that it is ready after that time of the store. */
export function areOthersReady(id: string, { list }: Members, since: Micros): boolean {
  return list.every((each) => each.id === id || (each.ready && each.seenAt > since))
}
