import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import { startSteadyLoad } from './steady-load.ts'

const load = await startSteadyLoad(workerData)
parentPort!.postMessage('started')
await once(parentPort!, 'message')
parentPort!.postMessage(await load.stop())
