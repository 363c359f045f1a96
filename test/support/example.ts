import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseYaml } from '../../src/model/yaml.ts'
import { projectRoot } from '../../src/project-root.ts'
import { selfSigned, type TestCertificate } from './certificate.ts'

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
}

const made = new Map<string, TestCertificate>()

function inline(
  name: string,
  { certificateFile, privateKeyFile }: GivenPem,
  read?: (file: string) => string,
) {
  // One for each name, since documents that are read twice are to be equal.
  const own = read === undefined ? (made.get(name) ?? selfSigned(name)) : undefined
  if (own !== undefined) made.set(name, own)
  const certificate = own?.certificate ?? read!(certificateFile!)
  if (privateKeyFile === undefined) return { certificate }
  return { certificate, privateKey: own?.privateKey ?? read!(privateKeyFile) }
}
