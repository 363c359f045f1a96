import { createPrivateKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { messageOf } from '../errors.ts'
import { isExpired } from '../model/certificate-chain.ts'
import { certificatesIn, pemProblem } from '../model/pem.ts'

/** PEM texts; with `ca` clients are asked for certificates. */
export interface TlsTexts {
  readonly certificate: string
  readonly privateKey: string
  readonly ca: string | undefined
}

export interface TlsFiles {
  readonly certificateFile: string
  readonly keyFile: string
  readonly clientCaFile: string | undefined
}

/** What is in the files, and whether it can be served. */
export type Look = { readonly texts: TlsTexts; readonly until: Date } | { readonly reason: string }

/** Reads the files. Two of them may be of different ages for a moment, when they are replaced: then the key does not fit. */
export async function lookAt(files: TlsFiles, now: number): Promise<Look> {
  const { certificateFile, keyFile, clientCaFile } = files
  const certificate = await read(certificateFile)
  const privateKey = await read(keyFile)
  const ca = clientCaFile === undefined ? { text: undefined } : await read(clientCaFile)
  if ('reason' in certificate) return certificate
  if ('reason' in privateKey) return privateKey
  if ('reason' in ca) return ca
  const texts = { certificate: certificate.text, privateKey: privateKey.text, ca: ca.text }
  const reason = problemOf(texts, files, now)
  return reason === undefined
    ? { texts, until: certificatesIn(texts.certificate)[0]!.validToDate }
    : { reason }
}

async function read(file: string): Promise<{ text: string } | { reason: string }> {
  try {
    return { text: await readFile(file, 'utf8') }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const reason =
      code === 'ENOENT' ? `${file} does not exist` : `${file} cannot be read: ${messageOf(error)}`
    return { reason }
  }
}

/** Nothing of a key is told. */
function problemOf(texts: TlsTexts, files: TlsFiles, now: number): string | undefined {
  const { certificate, privateKey, ca } = texts
  const wrong = pemProblem(certificate, 'CERTIFICATE')
  if (wrong !== undefined) return `${files.certificateFile} ${wrong}`
  const wrongKey = pemProblem(privateKey, 'PRIVATE KEY')
  if (wrongKey !== undefined) return `${files.keyFile} ${wrongKey}`
  const chain = certificatesIn(certificate)
  if (!chain[0]!.checkPrivateKey(createPrivateKey(privateKey)))
    return `${files.keyFile} is not the key of ${files.certificateFile}`
  if (isExpired(chain, now)) return `${files.certificateFile} has expired`
  const wrongCa = ca === undefined ? undefined : pemProblem(ca, 'CERTIFICATE')
  if (wrongCa !== undefined) return `${files.clientCaFile} ${wrongCa}`
  try {
    createSecureContext({ cert: certificate, key: privateKey, ...(ca !== undefined && { ca }) })
    return undefined
  } catch {
    return `${files.certificateFile} cannot be served by OpenSSL`
  }
}
