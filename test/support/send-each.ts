import { Agent } from 'node:http'
import { type Received, type Sent, send } from './http.ts'

/** Sends requests over `connections` kept-alive connections; answers come in the order of the requests. */
export async function sendEach(
  port: number,
  requests: readonly Sent[],
  connections = 16,
): Promise<Received[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const answers = new Array<Received>(requests.length)
  let next = 0
  const worker = async () => {
    for (let index = next++; index < requests.length; index = next++) {
      answers[index] = await send(port, requests[index]!, agent)
    }
  }
  try {
    await Promise.all(Array.from({ length: connections }, worker))
  } finally {
    agent.destroy()
  }
  return answers
}
