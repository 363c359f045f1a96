import type { Document } from '../model/document.ts'
import type { Client } from './client.ts'

/** Every object of a kind, page by page; `filters` are further query parameters. */
export async function listAll(
  client: Client,
  plural: string,
  filters: Readonly<Record<string, string>> = {},
): Promise<Document[]> {
  const documents: Document[] = []
  let cursor: string | null = null
  do {
    const query = new URLSearchParams({ ...filters, limit: '1000', ...(cursor === null ? {} : { cursor }) })
    const { text } = await client({ method: 'GET', path: `/v1/${plural}?${query}` })
    const page = JSON.parse(text) as { items: Document[]; next: string | null }
    documents.push(...page.items)
    cursor = page.next
  } while (cursor !== null)
  return documents
}
