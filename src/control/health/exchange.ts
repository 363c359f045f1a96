import { randomUUID } from 'node:crypto'
import { WeirError } from '../../errors.ts'
import { createSettling } from '../../feed/settling.ts'
import type { HealthAnswer, HealthAnswers } from '../../model/health-answers.ts'
import type { Observe } from '../../observe.ts'
import type { Answer } from './word.ts'

/** For so long another replica's answer is waited for. Milliseconds. */
const answerMs = 1_000

/** What all replicas know together, and who did not say what it knows. */
export type Asked = Answer & { readonly missing: readonly string[] }

export interface HealthExchange {
  /** What is known of a cluster, or amiss with any. */
  ask(cluster: string | undefined): Promise<Asked>
  /** Another replica asks: a question as JSON. */
  asked(question?: string): void
  /** A question was answered. */
  told(question?: string): void
}

/**
 * Envoys tell their stats to whichever replica it is that time, so that none knows all: who is asked asks all others,
 * through the database. Nothing is exchanged while nobody asks.
 */
export function createHealthExchange(options: {
  /** This replica, as the fleet names it. */
  name: string
  table: HealthAnswers
  /** What this replica knows by itself. */
  own(cluster: string | undefined): Promise<Answer>
  observe: Observe
}): HealthExchange {
  const { name, table, own, observe } = options
  const settling = createSettling()
  /** Questions of this replica, and those of them that were answered since they were last looked at. */
  const open = new Set<string>()
  const answered = new Set<string>()
  const underWay = new Map<string, Promise<Asked>>()

  function failed(error: unknown): void {
    // That the database is away is told by the feed.
    const isAway = error instanceof WeirError && error.code === 'unavailable'
    if (!isAway) observe({ event: 'failed', where: 'health of clusters', error })
  }

  async function others(
    cluster: string | undefined,
  ): Promise<{ answers: HealthAnswer[]; missing: string[] }> {
    const id = randomUUID()
    open.add(id)
    const answers: HealthAnswer[] = []
    const signal = AbortSignal.timeout(answerMs)
    try {
      const question = { id, from: name, ...(cluster !== undefined && { cluster }) }
      const asked = await within(signal, table.ask(question))
      const missing = () => asked.filter((each) => !answers.some(({ replica }) => replica === each))
      while (missing().length > 0 && !signal.aborted) {
        await settling.until(() => answered.has(id), signal)
        if (!answered.delete(id)) break
        answers.push(...(await within(signal, table.read(id))))
      }
      return { answers, missing: missing() }
    } catch (error) {
      failed(error)
      return { answers, missing: ['the other replicas, since the database is away'] }
    } finally {
      open.delete(id)
      answered.delete(id)
    }
  }

  async function askAll(cluster: string | undefined): Promise<Asked> {
    const [mine, { answers, missing }] = await Promise.all([own(cluster), others(cluster)])
    const all = [mine, ...answers.map(({ answer }) => readAnswer(answer))]
    return {
      words: all.flatMap(({ words }) => words),
      heard: all.flatMap(({ heard }) => heard),
      more: all.reduce((sum, { more }) => sum + more, 0),
      missing,
    }
  }

  /** Who asks the same at the same time gets the same answer. */
  function ask(cluster: string | undefined): Promise<Asked> {
    const key = JSON.stringify([cluster])
    const asking =
      underWay.get(key) ??
      askAll(cluster).finally(() => {
        underWay.delete(key)
      })
    underWay.set(key, asking)
    return asking
  }

  async function answer(text: string): Promise<void> {
    try {
      const { id, from, cluster } = JSON.parse(text) as { id: string; from: string; cluster?: string }
      if (from !== name) await table.tell(id, { replica: name, answer: await own(cluster) })
    } catch (error) {
      failed(error)
    }
  }

  return {
    ask,
    asked: (question) => {
      if (question !== undefined && question !== '') void answer(question)
    },
    told: (question) => {
      if (question === undefined || !open.has(question)) return
      answered.add(question)
      settling.changed()
    },
  }
}

/** A database that hangs is as good as one that is away. */
function within<Value>(signal: AbortSignal, work: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new WeirError('unavailable', 'The database does not answer in time.'))
    if (signal.aborted) giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    work.then(resolve, reject)
  })
}

/** Of a replica of another version, perhaps. */
function readAnswer(answer: unknown): Answer {
  const { words = [], heard = [], more = 0 } = answer as Partial<Answer>
  return { words, heard, more }
}
