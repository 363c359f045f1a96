import { messageOf } from '../errors.ts'
import type { Change } from '../model/plan-write.ts'
import type { Receipt } from '../model/receipt.ts'
import { gatewaysConcerned } from '../model/references.ts'
import { all } from '../model/state.ts'
import type { MadeWrite, WriteResult } from '../store/write.ts'
import type { AdminContext, DeliverQuestion } from './context.ts'

/** How far a write got in the fleet, after waiting for it so many milliseconds at most. */
export async function deliveryOf(
  context: AdminContext,
  result: MadeWrite,
  timeoutMs: number,
): Promise<Receipt> {
  const { revision } = result
  const gateways = concernedBy(context, result)
  // Whoever asks about the revision later need not read two states for it.
  if (result.after !== result.before && result.vague !== true) context.concerned.set(revision, gateways)
  return receiptOf(context, { revision, gateways, objects: result.changes }, timeoutMs)
}

/** How far a revision got with the Envoys of these gateways. */
export async function receiptOf(
  context: AdminContext,
  question: Omit<DeliverQuestion, 'timeoutMs' | 'signal'>,
  timeoutMs: number,
): Promise<Receipt> {
  try {
    return await context.deliver({ ...question, timeoutMs, signal: context.closing })
  } catch (error) {
    // The write is made, whatever becomes of the question how far it got.
    context.observe({
      event: 'failed',
      where: `delivery of revision ${question.revision}: ${messageOf(error)}`,
      error,
    })
    return { state: 'pending', envoys: [], replicas: [] }
  }
}

/** The gateways that a revision concerned; all that there are where its states were compacted away. */
export async function gatewaysOfRevision(
  context: AdminContext,
  revision: number,
): Promise<ReadonlySet<string>> {
  const known = context.concerned.get(revision)
  if (known !== undefined) return known
  const gateways = concernedBy(context, await context.store.written(revision))
  context.concerned.set(revision, gateways)
  return gateways
}

function concernedBy(context: AdminContext, result: MadeWrite): Set<string> {
  return result.vague ? everyGateway(result) : gatewaysOf(context, result)
}

/** Where it is not known which ones a write concerns, none may be missing. */
function everyGateway({ after }: MadeWrite): Set<string> {
  return new Set(all(after, 'Gateway').map(({ document }) => document.name))
}

/** The gateways that a write concerns, in the state before or after it. */
export function gatewaysOf({ kinds }: AdminContext, { before, after, changes }: WriteResult): Set<string> {
  const objects = touched(changes)
  const now = gatewaysConcerned(kinds, after, objects)
  return before === after ? now : now.union(gatewaysConcerned(kinds, before, objects))
}

/** A write without effect asks about all that it names: whether what is there already has arrived. */
function touched(changes: readonly Change[]): readonly Change[] {
  const effective = changes.filter(({ action }) => action !== 'unchanged')
  return effective.length > 0 ? effective : changes
}
