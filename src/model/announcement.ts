import { isIP } from 'node:net'
import { canonicalIp, ipProblem, isLoopbackIp, isWildcardIp } from './ip.ts'

/** Where an Envoy of a gateway is, as far as it said so. */
export interface Announcement {
  readonly gateway: string
  /** Its node id. */
  readonly node: string
  /** What its bootstrap announces: IP addresses in one spelling, sorted, each once. */
  readonly addresses: readonly string[]
  /** IP address that its xDS stream comes from. */
  readonly peer: string
}

/** An announcement as all replicas see it. */
export interface KnownAnnouncement extends Announcement {
  /** A replica has its stream; else it is within its time of grace. */
  readonly live: boolean
}

/** Equal for equal announcements. */
export function announcementKey({ gateway, node, addresses, peer }: Announcement): string {
  return JSON.stringify([gateway, node, addresses, peer])
}

/** What one replica has to say of the Envoys, to be put together with what the others say. */
export interface AnnouncementExchange {
  /** Unique to the process. */
  readonly replica: string
  /** Envoys whose stream it has: new ones, and from time to time all, so that they stay. */
  readonly present: readonly Announcement[]
  /** Envoys whose stream it had until now. */
  readonly left: readonly Announcement[]
  /** Whether the other replicas should look at once. */
  readonly tell: boolean
  /** Milliseconds after which a replica that did not say it again has an Envoy no longer. */
  readonly staleMs: number
  /** Delete those whose stream was last seen so many milliseconds ago. */
  readonly olderMs?: number
}

/** An Envoy as its stream shows it, unchecked. */
export interface SeenEnvoy {
  readonly gateway: string
  readonly id: string
  readonly addresses: readonly string[]
  readonly peer: string
}

export interface ReadAnnouncement {
  /** Absent where there is nothing that others could be sent to. */
  announcement?: Announcement
  /** Addresses that count for nothing, each with the reason. */
  ignored: { address: string; reason: string }[]
}

/**
 * What an Envoy announces, without the addresses to which others must not be sent. Where it announces something, only
 * that counts: one that it cannot be reached at is not made up for by a guess.
 */
export function readAnnouncement({ gateway, id, addresses: announced, peer }: SeenEnvoy): ReadAnnouncement {
  const judged = announced.map((address) => ({ address, reason: addressProblem(address, peer) }))
  const ignored = judged.flatMap(({ address, reason }) => (reason === undefined ? [] : [{ address, reason }]))
  const good = judged.filter(({ reason }) => reason === undefined).map(({ address }) => canonicalIp(address))
  const lost = announced.length > 0 ? good.length === 0 : ipProblem(peer) !== undefined
  if (lost) return { ignored }
  const addresses = [...new Set(good)].sort()
  return { announcement: { gateway, node: id, addresses, peer: canonicalIp(peer) }, ignored }
}

/** Why others cannot be sent to an address that an Envoy announces; `peer` is where it is seen to be. */
export function addressProblem(address: string, peer?: string): string | undefined {
  const problem = ipProblem(address)
  if (problem !== undefined) return problem
  if (isWildcardIp(address)) return 'stands for every address of a machine'
  if (isLinkLocal(address)) return 'holds on one link only'
  if (isMulticast(address)) return 'is no address of one machine'
  if (peer !== undefined && isLoopbackIp(address) && !isLoopbackIp(peer)) {
    // To an Envoy elsewhere it would mean that one itself.
    return 'is a loopback address, and the Envoy is on another machine'
  }
  return undefined
}

// Among others the address by which clouds hand out credentials.
function isLinkLocal(address: string): boolean {
  return isIP(address) === 4 ? address.startsWith('169.254.') : /^fe[89ab]/.test(canonicalIp(address))
}

function isMulticast(address: string): boolean {
  return isIP(address) === 4 ? Number(address.split('.')[0]) >= 224 : canonicalIp(address).startsWith('ff')
}
