import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../../../src/project-root.ts'
import { version } from '../../../src/version.ts'
import { control, edge, upstreams } from './agreement.ts'
import type { ComposeFiles } from './files.ts'
import { edgesOf, hostPath, listens, mounts, unless } from './parts.ts'
import type { Service } from './read.ts'

/** Everything in which the compose file disagrees with itself, with the files that it mounts, or with weir. */
export function composeProblems(files: ComposeFiles): string[] {
  const services = Object.entries(files.compose.services)
  return [
    ...services.flatMap(([name, service]) => hardening(service).map((problem) => `${name}: ${problem}`)),
    ...services.flatMap(([name]) => surroundings(files, name).map((problem) => `${name}: ${problem}`)),
    ...unused(files),
    ...control(files).map((problem) => `weir: ${problem}`),
    ...edgesOf(files).flatMap((name) => edge(files, name).map((problem) => `${name}: ${problem}`)),
    ...upstreams(files),
  ]
}

function hardening(service: Service): string[] {
  const isPinned =
    service.build === '.'
      ? service.image === `weir:${version}`
      : /^[a-z/-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9]+)?$/.test(service.image)
  const bounds = ['cpus', 'mem_limit', 'pids_limit', 'logging', 'restart', 'stop_grace_period']
  const loose = ['privileged', 'network_mode', 'cap_add', 'pid', 'ipc', 'devices', 'userns_mode']
  return unless(
    [isPinned, `${service.image} is not pinned`],
    [/^[1-9]\d*:[1-9]\d*$/.test(service.user ?? ''), 'its user is not a number, or root'],
    [service.read_only === true, 'its file system can be written'],
    [JSON.stringify(service.cap_drop) === '["ALL"]', 'it keeps capabilities'],
    [JSON.stringify(service.security_opt) === '["no-new-privileges:true"]', 'it may gain privileges'],
    ...bounds.map((key): [boolean, string] => [service[key] !== undefined, `it has no ${key}`]),
    ...loose.map((key): [boolean, string] => [service[key] === undefined, `it has ${key}`]),
  )
}

/** Files, volumes, networks and other services that it names are there. */
function surroundings(files: ComposeFiles, name: string): string[] {
  const { compose } = files
  const service = compose.services[name]!
  const paths = [
    ...(service.entrypoint ?? []),
    ...(service.command ?? []),
    ...(service.healthcheck?.test ?? []),
  ]
    .flatMap((word) => word.match(/\/etc\/[^= ]+/g) ?? [])
    .concat(service.environment?.WEIR_CONFIG ?? [])
  const published = (service.ports ?? []).map((port) => /^127\.0\.0\.1:(\d+):(\d+)$/.exec(port)?.[2])
  return [
    ...mounts(service).flatMap(({ source, mode }) =>
      source.startsWith('./')
        ? unless(
            [existsSync(join(projectRoot, source)), `${source} is not there`],
            [mode === 'ro', `${source} is mounted for writing`],
          )
        : unless([source in compose.volumes, `the volume ${source} is not there`]),
    ),
    ...paths.flatMap((path) => unless([hostPath(service, path) !== undefined, `${path} is not in it`])),
    ...(service.networks ?? []).flatMap((network) =>
      unless([network in compose.networks, `the network ${network} is not there`]),
    ),
    ...published.flatMap((port) =>
      unless(
        [port !== undefined, 'a port is published to other machines'],
        [port === undefined || listens(files, name).includes(Number(port)), `it does not serve ${port}`],
      ),
    ),
    ...Object.entries(service.depends_on ?? {}).flatMap(([other, { condition }]) =>
      dependency(compose.services[other], condition).map((problem) => `${other}, which it needs, ${problem}`),
    ),
  ]
}

function dependency(service: Service | undefined, condition: string): string[] {
  if (service === undefined) return ['is not there']
  const image = service.build === undefined ? '' : readFileSync(join(projectRoot, 'Dockerfile'), 'utf8')
  const isChecked = service.healthcheck?.disable !== true && /^HEALTHCHECK /m.test(image)
  return unless(
    [service.profiles === undefined, 'is only in a profile'],
    [
      condition !== 'service_healthy' || service.healthcheck?.test !== undefined || isChecked,
      'has no health check',
    ],
  )
}

function unused({ compose }: ComposeFiles): string[] {
  const services = Object.values(compose.services)
  const named = new Set(services.flatMap((service) => mounts(service).map(({ source }) => source)))
  const joined = new Set(services.flatMap(({ networks }) => networks ?? []))
  const hostPorts = services.flatMap(({ ports }) => (ports ?? []).map((port) => port.split(':')[1]))
  return [
    ...Object.keys(compose.volumes)
      .filter((name) => !named.has(name))
      .map((name) => `${name}: no service has it`),
    ...Object.keys(compose.networks)
      .filter((name) => !joined.has(name))
      .map((name) => `${name}: no service is on it`),
    ...unless([new Set(hostPorts).size === hostPorts.length, 'a port of this machine is published twice']),
  ]
}
