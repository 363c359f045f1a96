import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { secretFilesOf, type XdsAccess } from '../../src/bootstrap/access.ts'
import type { AdsAccess } from './ads-client.ts'
import { type Issued, issue, type TestCertificate } from './certificate.ts'

/** A folder with what a guarded xDS and its Envoys read, and the CAs that signed it. */
export interface Pki {
  folder: string
  /** Signs weir's certificate. */
  serverCa: Issued
  /** Signs those of Envoys. */
  clientCa: Issued
  /** A certificate of an Envoy; by default of that gateway. */
  envoy(gateway: string, more?: Partial<Parameters<typeof issue>[0]>): Issued
  /** What a client of a test shows. */
  access(own?: TestCertificate): AdsAccess
  /** Writes a file in the place of what was there; answers with its path. */
  put(name: string, text: string): string
  /** Writes both files of a certificate; answers with their paths. */
  putCertificate(name: string, certificate: TestCertificate): { certificate: string; privateKey: string }
  /** Writes the files by which an Envoy notices that others are replaced; answers with their folder. */
  watch(access: Omit<XdsAccess, 'serverNames'>): string
  /** A new certificate for weir, as 127.0.0.1 and `weir.test`. */
  renewServer(ca?: Issued): Issued
  /** The settings of a weir that asks for certificates. */
  settings: Record<string, string>
  close(): void
}

export function createPki(): Pki {
  const folder = mkdtempSync(join(tmpdir(), 'weir-pki-'))
  const serverCa = issue({ commonName: 'server CA', isCa: true })
  const clientCa = issue({ commonName: 'client CA', isCa: true })
  const put = (name: string, text: string) => {
    const path = join(folder, name)
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
    return path
  }
  const putCertificate = (name: string, { certificate, privateKey }: TestCertificate) => ({
    certificate: put(`${name}.pem`, certificate),
    privateKey: put(`${name}.key`, privateKey),
  })
  const renewServer = (issuer = serverCa) => {
    const made = issue({ commonName: 'weir', names: ['127.0.0.1', 'weir.test'], issuer })
    putCertificate('server', made)
    return made
  }
  renewServer()
  put('server-ca.pem', serverCa.certificate)
  put('client-ca.pem', clientCa.certificate)
  return {
    folder,
    serverCa,
    clientCa,
    envoy: (gateway, more = {}) =>
      issue({
        commonName: gateway,
        names: [`weir://gateway/${gateway}`],
        issuer: clientCa,
        ...more,
      }),
    access: (own) => ({ ca: serverCa.certificate, ...(own && { own }) }),
    put,
    putCertificate,
    watch(access) {
      const secretsFolder = mkdtempSync(join(folder, 'watched-'))
      for (const [name, value] of secretFilesOf(access))
        writeFileSync(join(secretsFolder, name), JSON.stringify(value))
      return secretsFolder
    },
    renewServer,
    settings: {
      WEIR_XDS_TLS_CERT: join(folder, 'server.pem'),
      WEIR_XDS_TLS_KEY: join(folder, 'server.key'),
      WEIR_XDS_TLS_CLIENT_CA: join(folder, 'client-ca.pem'),
    },
    close: () => rmSync(folder, { recursive: true }),
  }
}
