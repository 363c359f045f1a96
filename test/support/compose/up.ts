import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectRoot } from '../../../src/project-root.ts'
import { type Container, runContainer } from '../container.ts'
import { lastOf, readDockerfile } from '../dockerfile.ts'
import { freePort } from '../ports.ts'
import { emptyDatabase, type FreshDatabase } from '../postgres.ts'
import { until } from '../until.ts'
import { startValkey, type Valkey } from '../valkey.ts'
import { composeTexts, parseComposeTexts } from './files.ts'
import type { Service } from './read.ts'

export interface RunningCompose {
  services: Record<string, Container>
  /** The port of 127.0.0.1 that stands for a service's port. */
  port(service: string, port: number): number
  down(): Promise<void>
}

/**
 * The services of docker-compose.yml as processes of this machine, in their order and with their health checks: what
 * Compose would start, with the same arguments, variables and files, but for the addresses. A service's port is a free
 * port of 127.0.0.1; the two Envoys share that of the gateway, since the kernel spreads connections over both. PostgreSQL
 * is an empty database of the tests' server, and Valkey one of the tests' own.
 */
export async function composeUp(): Promise<RunningCompose> {
  const { compose } = parseComposeTexts(composeTexts())
  const folder = mkdtempSync(join(tmpdir(), 'weir-compose-'))
  const database = await emptyDatabase()
  const valkey = await startValkey()
  const addresses = await localAddresses()
  const services: Record<string, Container> = {}
  const running: RunningCompose = {
    services,
    port: (service, port) => addresses.get(`${service}:${port}`)!,
    async down() {
      for (const container of Object.values(services)) await container.remove()
      await database.drop()
      await valkey.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  try {
    for (const name of ['echo', 'weir', 'edge-1', 'edge-2']) {
      const place = mountedFiles(join(folder, name), name, addresses)
      const started = localService(compose.services[name]!, name, { place, addresses, database, valkey })
      services[name] = runContainer(started)
      await healthy(name, services[name], started)
    }
    return running
  } catch (error) {
    await running.down()
    throw error
  }
}

type Addresses = ReadonlyMap<string, number>

async function localAddresses(): Promise<Addresses> {
  const gateway = await freePort()
  const own = [
    'weir:8080',
    'weir:18000',
    'weir:18001',
    'echo:8080',
    'collector:4317',
    'edge-1:9901',
    'edge-2:9901',
  ]
  const ports = new Map([
    ['edge-1:10000', gateway],
    ['edge-2:10000', gateway],
  ])
  for (const address of own) ports.set(address, await freePort())
  return ports
}

/** A copy of what a service mounts, with the addresses of this machine. */
function mountedFiles(place: string, name: string, addresses: Addresses): string {
  const texts = composeTexts()
  const port = (address: string) => String(addresses.get(address))
  mkdirSync(join(place, 'data'), { recursive: true })
  mkdirSync(join(place, 'documents'))
  const documents = texts['examples/compose/weir.yaml']
    .replace('port: 10000', `port: ${port('edge-1:10000')}`)
    .replaceAll(
      /address: ([a-z]+), port: (\d+)/g,
      (_, host, number) => `address: 127.0.0.1, port: ${port(`${host}:${number}`)}`,
    )
  writeFileSync(join(place, 'documents', 'weir.yaml'), documents)
  cpSync(join(projectRoot, 'deploy', 'envoy'), place, { recursive: true })
  const bootstrap = texts['deploy/envoy/edge.yaml']
    .replace('address: weir', 'address: 127.0.0.1')
    .replace('port_value: 18000', `port_value: ${port('weir:18000')}`)
    .replace('port_value: 9901', `port_value: ${port(`${name}:9901`)}`)
  writeFileSync(join(place, 'edge.yaml'), bootstrap)
  return place
}

interface Local {
  command: string[]
  environment: Record<string, string>
  cwd: string
  healthcheck: string[]
}

function localService(
  service: Service,
  name: string,
  {
    place,
    addresses,
    database,
    valkey,
  }: { place: string; addresses: Addresses; database: FreshDatabase; valkey: Valkey },
): Local {
  const image = readDockerfile().at(-1)!
  const words = (instruction: string): string[] => JSON.parse(/\[.*\]$/.exec(lastOf(image, instruction)!)![0])
  const isOurs = service.build !== undefined
  const entrypoint = service.entrypoint ?? words('ENTRYPOINT')
  const command = service.command ?? words('CMD')
  const local = (text: string) =>
    text
      .replaceAll('/etc/weir', place)
      .replace('dist/src/local/echo-server.js', 'src/local/echo-server.ts')
      .replace(/^0\.0\.0\.0(?=:|$)/, '127.0.0.1')
      .replace(/^weir:/, '127.0.0.1:')
      .replace(/(?<=^|:)\d{4,5}$/, (port) => String(addresses.get(`${name}:${port}`) ?? port))
  const environment = Object.entries(service.environment ?? {}).map(([key, value]) => [key, local(value)])
  return {
    command: [...entrypoint, ...command].map(local),
    environment: {
      ...Object.fromEntries(environment),
      ...(name === 'weir' && {
        DATABASE_URL: database.url,
        REDIS_URL: `redis://127.0.0.1:${valkey.port}`,
        WEIR_DATA_DIR: join(place, 'data'),
        // In its container a listener is on every address.
        WEIR_LISTENER_ADDRESS: '127.0.0.1',
      }),
    },
    cwd: isOurs ? projectRoot : place,
    healthcheck:
      service.healthcheck?.test?.slice(1).map(local) ?? (name === 'weir' ? words('HEALTHCHECK') : []),
  }
}

async function healthy(name: string, container: Container, local: Local): Promise<void> {
  if (local.healthcheck.length === 0) return
  await until(`${name} is healthy`, async () => {
    if (!container.running()) throw new Error(`${name} ended:\n${container.log()}`)
    const check = runContainer({ ...local, command: local.healthcheck })
    const code = await check.exited
    await check.remove()
    return code === 0
  })
}
