import type { Document } from '../model/document.ts'
import type { Client } from './client.ts'

/** Every object of a kind, page by page. */
export async function listAll(client: Client, plural: string): Promise<Document[]> {
  const documents: Document[] = []
  let cursor = ''
  do {
    const { text } = await client({ method: 'GET', path: `/v1/${plural}?limit=1000${cursor}` })
    const page = JSON.parse(text) as { items: Document[]; next: string | null }
    documents.push(...page.items)
    cursor = page.next === null ? '' : `&cursor=${encodeURIComponent(page.next)}`
  } while (cursor !== '')
  return documents
}
