import type { CertificateSpec } from './certificate.ts'
import type { Document } from './document.ts'
import type { GatewaySpec } from './gateway.ts'
import { parseGatewayReference } from './gateway-reference.ts'
import type { ListenerTls } from './listener.ts'
import { certificatesIn } from './pem.ts'
import type { Warning } from './pending.ts'
import type { RouteSpec } from './route-spec.ts'
import { all, find, type State } from './state.ts'

/** As many as a person reads. */
const maxWarnings = 20

/** What the TLS of a gateway's listeners does not do, although it is written. */
export function tlsWarnings({ kind, name, spec }: Document, state: State): Warning[] {
  const { listeners } = spec as GatewaySpec
  const found = listeners.flatMap(({ name: listener, tls }, index): Warning[] => {
    if (tls === undefined) return []
    const pointer = `/spec/listeners/${index}/tls`
    return [
      ...keyless(tls, state).map(({ at, certificate }) => ({
        ...{ kind, name, pointer: `${pointer}/certificates/${at}` },
        message: `Certificate/${certificate} has no private key`,
        effect: 'a self-signed placeholder is served in its place',
      })),
      ...unused(tls).map((field) => ({
        ...{ kind, name, pointer: `${pointer}/${field}` },
        message: 'no client is asked for a certificate',
        effect: 'clients pass without one; write clientCertificate: require or request',
      })),
      ...hostsWithout(state, name, listener, tls).map(({ route, host }) => ({
        ...{ kind, name, pointer: `${pointer}/certificates` },
        message: `no certificate is for ${host}, a host of Route/${route}`,
        effect: 'clients that ask for that host refuse the connection',
      })),
    ]
  })
  return found.slice(0, maxWarnings)
}

/** The same told to who writes a route: its hosts that an https listener has no certificate for. */
export function uncoveredHosts({ kind, name, spec }: Document, state: State): Warning[] {
  const { gateways } = spec as RouteSpec
  const found = gateways.flatMap((reference) => {
    const { gateway, listener: only } = parseGatewayReference(reference)
    const { listeners = [] } = (find(state, 'Gateway', gateway)?.document.spec ?? {}) as Partial<GatewaySpec>
    return listeners.flatMap(({ name: listener, tls }) => {
      if (tls === undefined || (only !== undefined && only !== listener)) return []
      return hostsNotIn(hostsOf(spec as RouteSpec), tls, state).map(({ host, at }): Warning => {
        const message = `no certificate of listener ${gateway}/${listener} is for ${host}`
        const effect = 'clients that ask for that host refuse the connection'
        return { kind, name, pointer: `/spec/hosts/${at}`, message, effect }
      })
    })
  })
  return found.slice(0, maxWarnings)
}

function hostsWithout(state: State, gateway: string, listener: string, tls: ListenerTls) {
  if (namesOf(tls, state) === undefined) return []
  return all(state, 'Route').flatMap(({ document }) => {
    const spec = document.spec as RouteSpec
    const own = spec.gateways.some((reference) => {
      const named = parseGatewayReference(reference)
      return named.gateway === gateway && (named.listener ?? listener) === listener
    })
    if (!own) return []
    return hostsNotIn(hostsOf(spec), tls, state).map(({ host }) => ({ route: document.name, host }))
  })
}

function hostsNotIn(hosts: readonly string[], tls: ListenerTls, state: State) {
  const names = namesOf(tls, state)
  if (names === undefined) return []
  return hosts
    .map((host, at) => ({ host, at }))
    .filter(({ host }) => host !== '*' && !names.some((name) => isFor(name, host)))
}

function hostsOf({ hosts = [] }: RouteSpec): readonly string[] {
  return hosts
}

/** The same told to who writes a certificate: hosts of the listeners that serve it. */
export function missingNames({ kind, name }: Document, state: State): Warning[] {
  const found = all(state, 'Gateway').flatMap(({ document: gateway }) =>
    (gateway.spec as GatewaySpec).listeners.flatMap(({ name: listener, tls }): Warning[] => {
      if (tls?.certificates.includes(name) !== true) return []
      return hostsWithout(state, gateway.name, listener, tls).map(({ route, host }) => ({
        ...{ kind, name, pointer: '/spec/pem/certificate' },
        message: `no certificate of listener ${gateway.name}/${listener} is for ${host}, a host of Route/${route}`,
        effect: 'clients that ask for that host refuse the connection',
      }))
    }),
  )
  return found.slice(0, maxWarnings)
}

/** The DNS names of all of the certificates; nothing where one has no value yet, which may be for any. */
function namesOf({ certificates }: ListenerTls, state: State): string[] | undefined {
  const found = certificates.map((name) => certificateOf(state, name)?.pem)
  if (found.some((pem) => pem === undefined)) return undefined
  return found.flatMap((pem) => {
    const names = known.get(pem!) ?? dnsNames(pem!.certificate)
    known.set(pem!, names)
    return names
  })
}

/** Stored specs never change, and many routes ask. */
const known = new WeakMap<object, string[]>()

/** Names of RFC 5280, section 4.2.1.6, of the certificate that is served: a subject counts for nobody any more. */
function dnsNames(chain: string): string[] {
  const { subjectAltName } = certificatesIn(chain)[0]!
  return [...(subjectAltName ?? '').matchAll(/DNS:([^,\s"]+)/g)].map(([, name]) => name!.toLowerCase())
}

/** A wildcard is for one label (RFC 6125, section 6.4.3), and covers a host that is itself the same wildcard. */
function isFor(name: string, host: string): boolean {
  const wanted = host.toLowerCase()
  if (name === wanted) return true
  return name.startsWith('*.') && wanted.includes('.') && wanted.slice(wanted.indexOf('.')) === name.slice(1)
}

function keyless({ certificates }: ListenerTls, state: State) {
  return certificates.flatMap((certificate, at) => {
    const pem = certificateOf(state, certificate)?.pem
    return pem !== undefined && pem.privateKey === undefined ? [{ at, certificate }] : []
  })
}

/** Fields that mean nothing unless clients are asked. */
function unused(tls: ListenerTls): string[] {
  if (tls.clientCertificate === 'require' || tls.clientCertificate === 'request') return []
  return (['clientCa', 'clientSan', 'clientFingerprints'] as const).filter(
    (field) => tls[field] !== undefined,
  )
}

function certificateOf(state: State, name: string): CertificateSpec | undefined {
  return find(state, 'Certificate', name)?.document.spec as CertificateSpec | undefined
}
