import { bounds } from './bounds.ts'

/** A version of a resource that one Envoy refused, and why. */
export interface Rejection {
  readonly version: string
  readonly error: string
}

/** What is known of one Envoy beyond its stream, because the Envoy itself will not say it when it comes back. */
export interface NodeMemory {
  /** It gets its clusters from here, even if it has not asked on its newest stream yet. */
  askedForClusters: boolean
  /** The version of this resource that is not to be sent again. */
  rejection(type: string, name: string): Rejection | undefined
  reject(type: string, name: string, rejection: Rejection): void
  /**
   * This version was sent (or a removal, the empty version), and refused among others or never answered. If the
   * Envoy does not claim it, it may still have applied it: a NACKed response is applied in part, and the versions
   * that are claimed then are the old ones. Without a version, and when several are in doubt, no claim settles it.
   */
  doubt(type: string, name: string, version?: string): void
  doubts(type: string): [name: string, version: string | undefined][]
  settle(type: string, name: string): void
}

/** The oldest entries give way when there are too many; a rejected version would then be tried once more. */
export function createNodeMemory(limit: number = bounds.memoriesPerNode): NodeMemory {
  const rejections = new Map<string, Rejection>()
  const doubts = new Map<string, string | undefined>()
  return {
    askedForClusters: false,
    rejection: (type, name) => rejections.get(`${type} ${name}`),
    reject: (type, name, rejection) => put(rejections, `${type} ${name}`, rejection, limit),
    doubt(type, name, version) {
      const key = `${type} ${name}`
      const several = doubts.has(key) && doubts.get(key) !== version
      put(doubts, key, several ? undefined : version, limit)
    },
    doubts(type) {
      const prefix = `${type} `
      return [...doubts].flatMap(([key, version]): [string, string | undefined][] => {
        return key.startsWith(prefix) ? [[key.slice(prefix.length), version]] : []
      })
    },
    settle(type, name) {
      if (doubts.size > 0) doubts.delete(`${type} ${name}`)
    },
  }
}

/**
 * The memories of all nodes, those least recently connected dropped first. A node that comes back with another
 * build of Envoy starts anew: the new one may well accept what the old one refused.
 */
export function createMemories(limit: number = bounds.nodesRemembered) {
  const nodes = new Map<string, { build: string; memory: NodeMemory }>()
  return {
    of(node: string, build: string): NodeMemory {
      const found = nodes.get(node)
      const entry = found?.build === build ? found : { build, memory: createNodeMemory() }
      put(nodes, node, entry, limit)
      return entry.memory
    },
  }
}

/** Sets a key, makes it the newest, and drops the oldest beyond `limit` (maps keep the order of insertion). */
export function put<V>(map: Map<string, V>, key: string, value: V, limit: number): void {
  map.delete(key)
  map.set(key, value)
  const oldest = map.keys().next()
  if (map.size > limit && !oldest.done) map.delete(oldest.value)
}
