import type { Written } from './example.ts'

/** Documents whose listeners and endpoints have other ports, so that they can run beside anything else. */
export async function relocated(
  documents: readonly Written[],
  portOf: (port: number, kind: string) => Promise<number> | number,
): Promise<Written[]> {
  return Promise.all(
    documents.map(async (document) => {
      const field = document.kind === 'Gateway' ? 'listeners' : document.kind === 'Cluster' ? 'endpoints' : ''
      const items = document.spec[field] as { port: number }[] | undefined
      if (items === undefined) return document
      const moved = await Promise.all(
        items.map(async (item) => ({ ...item, port: await portOf(item.port, document.kind) })),
      )
      return { ...document, spec: { ...document.spec, [field]: moved } }
    }),
  )
}
