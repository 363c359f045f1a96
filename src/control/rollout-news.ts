import type { RolloutRecord } from '../model/rollout-record.ts'

export interface RolloutNews {
  /** Takes a record that was moved here. */
  moved(record: RolloutRecord): void
  /** Takes all records that there are; `since` is when this process began, by the same clock. */
  seen(records: readonly RolloutRecord[], since: Date): void
}

/** Whether people want to hear of it: what all Envoys have already is no rollout. */
export function isMove(before: RolloutRecord, after: RolloutRecord): boolean {
  const isOther =
    before.state !== after.state || before.wave !== after.wave || before.candidate !== after.candidate
  return isOther && !(before.state === 'done' && after.state === 'done')
}

/**
 * Tells each move once, made here or at another replica. Of moves at another one that come between two looks the last is
 * told; of a rollout that moved before this process began nothing is until it moves on.
 */
export function createRolloutNews(tell: (record: RolloutRecord) => void): RolloutNews {
  const known = new Map<string, RolloutRecord>()

  function take(record: RolloutRecord, isUnseenNews: boolean): void {
    const before = known.get(record.gateway)
    if (before !== undefined && !isLater(record, before)) return
    known.set(record.gateway, record)
    if (before === undefined ? isUnseenNews : isMove(before, record)) tell(record)
  }

  return {
    moved: (record) => take(record, true),
    seen(records, since) {
      for (const gateway of known.keys()) {
        if (!records.some((record) => record.gateway === gateway)) known.delete(gateway)
      }
      for (const record of records) take(record, record.state !== 'done' && record.changedAt > since)
    },
  }
}

/** Versions begin anew where a gateway's `rollout` was taken away and given back. */
function isLater(record: RolloutRecord, before: RolloutRecord): boolean {
  return record.version > before.version || record.startedAt > before.startedAt
}
