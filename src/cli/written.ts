import type { WriteAnswer } from '../admin/write.ts'
import { milliseconds } from '../model/duration.ts'
import type { Receipt } from '../model/receipt.ts'
import { type Cli, Refused } from './cli.ts'
import type { Client } from './client.ts'
import { type ConnectionOptions, connectionOf } from './connection.ts'
import { drawDelivery } from './draw-delivery.ts'
import { printable } from './text.ts'
import { defaultTimeout, type WriteOptions } from './write-result.ts'

/**
 * Waits for the fleet after a write, where that is asked for, and answers with what became of it. Meanwhile it is drawn for
 * people. Whatever ends the waiting, the write is made, and that is said.
 */
export async function waitedFor(
  client: Client,
  answer: WriteAnswer,
  options: WriteOptions & ConnectionOptions,
  cli: Cli,
): Promise<WriteAnswer> {
  const { wait, timeout = defaultTimeout, output } = options
  if (!wait) return answer
  const { revision } = answer
  const path = `/v1/revisions/${revision}/delivery`
  const query = new URLSearchParams({ wait: 'acked', timeout, ...scopeOf(answer) })
  const receipt = client({ method: 'GET', path: `${path}?${query}`, waitMs: milliseconds(timeout) })
  const drawing =
    output === 'table' ? drawDelivery(client, connectionOf(options, cli), answer, cli) : undefined
  try {
    const { revision: _, ...delivery } = JSON.parse((await receipt).text) as Receipt & { revision: number }
    return { ...answer, delivery }
  } catch (error) {
    const line = `revision ${revision} is written; \`weir delivery ${revision}\` says how far it is.`
    if (cli.signal.aborted) cli.stderr.write(`${drawing?.end() ?? ''}weir: ${printable(line)}\n`)
    throw error instanceof Refused ? error.followedBy(line) : error
  } finally {
    cli.stderr.write(drawing?.end() ?? '')
  }
}

/** A write without effect waits for what it names, which the revision that is there need not concern. */
function scopeOf({ changes, delivery }: WriteAnswer): { gateways?: string } {
  if (changes.some(({ action }) => action !== 'unchanged')) return {}
  return { gateways: [...new Set(delivery.envoys.map(({ gateway }) => gateway))].join(',') }
}
