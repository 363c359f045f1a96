import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../../../src/project-root.ts'
import { parseHostPort } from '../../../src/settings/address.ts'
import type { ComposeFiles } from './files.ts'
import type { Service } from './read.ts'

/** The problems of a list of claims, each with what is so if it holds. */
export const unless = (...claims: [holds: boolean, problem: string][]): string[] =>
  claims.filter(([holds]) => !holds).map(([, problem]) => problem)

/** The ports that a service serves to more than weir's own, by what it is told. */
export function listens(
  { compose, documents, collector }: ComposeFiles,
  name: string,
): (number | undefined)[] {
  const { environment = {}, command = [] } = compose.services[name]!
  if (name === 'weir') return [portOf(environment.WEIR_ADMIN_ADDR)]
  if (name === 'echo') return [Number(command[1])]
  if (name === 'collector') return [portOf(collector.receivers.otlp.protocols.grpc.endpoint)]
  const gateways = documents.filter(({ kind }) => kind === 'Gateway')
  return name.startsWith('edge')
    ? gateways.flatMap(({ spec }) => spec.listeners.map(({ port }: { port: number }) => port))
    : []
}

export function edgesOf({ compose }: { compose: { services: Record<string, Service> } }): string[] {
  return Object.keys(compose.services).filter((name) => name.startsWith('edge'))
}

export function mounts({
  volumes = [],
}: Service): { source: string; target: string; mode: string | undefined }[] {
  return volumes.map((volume) => {
    const [source = '', target = '', mode] = volume.split(':')
    return { source, target, mode }
  })
}

/** Where a path of the container is in the repository, or undefined. */
export function hostPath(service: Service, path: string): string | undefined {
  const mount = mounts(service).find(({ target }) => path === target || path.startsWith(`${target}/`))
  if (mount === undefined) return undefined
  const found = join(projectRoot, mount.source, path.slice(mount.target.length))
  return existsSync(found) ? found : undefined
}

export const isOn = ({ networks = [] }: Service, network: string): boolean => networks.includes(network)
export const meet = (a: Service, b: Service): boolean =>
  (a.networks ?? []).some((network) => isOn(b, network))
export const portOf = (address = ''): number | undefined => parseHostPort(address)?.port
export const seconds = ({ stop_grace_period }: Service): number =>
  Number(/^(\d+)s$/.exec(stop_grace_period ?? '')?.[1] ?? 0)
