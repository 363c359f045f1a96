import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect, createServer } from 'node:net'
import { Client, credentials, type ServiceError } from '@grpc/grpc-js'
import { clientPreface } from '../../../src/grpc-lane/frames.ts'
import { createLane } from '../../../src/grpc-lane/lane.ts'
import type { Method } from '../../../src/grpc-lane/method.ts'
import { type Frame, framesOf } from './frames.ts'

const paths = ['/test.Lane/Echo', '/test.Lane/Later', '/test.Lane/Refuse', '/test.Lane/Unknown', '/no/path']

/** What real clients send in some calls: grpc-js, and Node's own HTTP/2, which compresses headers as much as it can. */
export async function recordConversations(methods: ReadonlyMap<string, Method>): Promise<Frame[][]> {
  const lane = createLane({ methods, observe: () => undefined })
  const { port } = await lane.listen('127.0.0.1:0')
  try {
    return [await recorded(port, callByGrpcJs), await recorded(port, callByHttp2)]
  } finally {
    await lane.close(1_000)
  }
}

async function recorded(lane: number, talk: (port: number) => Promise<void>): Promise<Frame[]> {
  const chunks: Buffer[] = []
  const recorder = createServer((socket) => {
    const onward = connect(lane, '127.0.0.1')
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    for (const each of [socket, onward]) each.on('error', () => undefined)
    socket.pipe(onward).pipe(socket)
  })
  await once(recorder.listen(0, '127.0.0.1'), 'listening')
  await talk((recorder.address() as { port: number }).port)
  await new Promise((resolve) => recorder.close(resolve))
  const bytes = Buffer.concat(chunks)
  return framesOf(bytes.subarray(clientPreface.length))
}

async function callByGrpcJs(port: number): Promise<void> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  const same = (bytes: Buffer) => bytes
  const call = (index: number) =>
    new Promise<void>((resolve) => {
      const message = Buffer.alloc((index * 37) % 900, index)
      const path = paths[index % paths.length]!
      client.makeUnaryRequest(path, same, same, message, (_error: ServiceError | null) => resolve())
    })
  await Promise.all(Array.from({ length: 60 }, (_, index) => call(index)))
  client.close()
}

async function callByHttp2(port: number): Promise<void> {
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  const call = (index: number) =>
    new Promise<void>((resolve) => {
      const stream = session.request({
        ...{ ':method': 'POST', ':path': paths[index % paths.length]!, te: 'trailers' },
        'content-type': index % 11 === 0 ? 'text/plain' : 'application/grpc+proto',
        ...{ 'grpc-timeout': `${index + 1}S`, 'x-index': `value ${index % 7}` },
      })
      stream.on('error', () => resolve()).on('close', () => resolve())
      stream.resume()
      const message = Buffer.alloc(5 + index)
      message.writeUInt32BE(index, 1)
      stream.end(message)
      if (index % 9 === 0) stream.close(8)
    })
  await Promise.all(Array.from({ length: 60 }, (_, index) => call(index)))
  await new Promise<void>((resolve) => session.ping(() => resolve()))
  await new Promise<void>((resolve) => session.close(resolve))
}
