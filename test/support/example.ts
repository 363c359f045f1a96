import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseYaml } from '../../src/model/yaml.ts'
import { projectRoot } from '../../src/project-root.ts'
import { issue, revocationList, type TestCertificate } from './certificate.ts'

/** A document as somebody writes it. */
export interface Written {
  kind: string
  name: string
  spec: Record<string, unknown>
}

/** The documents of `examples/storefront`, which has every kind and every field, certificates made in place. */
export function storefrontDocuments(): Written[] {
  const folder = join(projectRoot, 'examples', 'storefront')
  const texts = globSync('*.yaml', { cwd: folder })
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8'))
  return documentsOf(texts.join('\n---\n'))
}

/** The documents of a YAML text with their `*File` fields read by `read`, or else from certificates made in place. */
export function documentsOf(text: string, read?: (file: string) => string): Written[] {
  const { values } = parseYaml(text)
  if (values === undefined) throw new Error('the text is not YAML')
  return (values as Written[]).map((document) => {
    const given = document.spec.pem as GivenPem | undefined
    if (given?.certificateFile === undefined) return document
    return { ...document, spec: { ...document.spec, pem: inline(document.name, given, read) } }
  })
}

interface GivenPem {
  certificateFile?: string
  privateKeyFile?: string
  crlFile?: string
}

type Made = TestCertificate & { crl: string }

const made = new Map<string, Made>()

function inline(name: string, given: GivenPem, read?: (file: string) => string) {
  // One for each name, since documents that are read twice are to be equal.
  const own = made.get(name) ?? (read === undefined ? madeFor(name) : undefined)
  if (read === undefined && own !== undefined) made.set(name, own)
  const text = (file: string | undefined, ready: (own: Made) => string) =>
    file === undefined ? undefined : read === undefined ? ready(own!) : read(file)
  const fields = {
    certificate: text(given.certificateFile, ({ certificate }) => certificate),
    privateKey: text(given.privateKeyFile, ({ privateKey }) => privateKey),
    crl: text(given.crlFile, ({ crl }) => crl),
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function madeFor(name: string): Made {
  const own = issue({ commonName: name, isCa: true })
  return { ...own, crl: revocationList(own, []) }
}
