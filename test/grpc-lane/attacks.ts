import type { Socket } from 'node:net'
import type { ConnectionRule } from '../../src/grpc-lane/bounds.ts'
import {
  block,
  call,
  callFields,
  type Fields,
  frame,
  preface,
  rstStream,
  settings,
  windowUpdate,
} from './wire.ts'

/** What a peer may try on a connection to switch a limiter off, and the rule that ends it. */
export interface Attack {
  rule: ConnectionRule
  /** Begins on a socket that is connected, and goes on until it is closed. */
  begin(socket: Socket, path: string): void
}

const start = Buffer.concat([preface, settings()])
/** Frames of a write; the socket takes some of them at once. */
const burst = 500
const repeated = (piece: Buffer) => Buffer.concat(Array.from({ length: burst }, () => piece))

/** Writes pieces as fast as the peer reads. */
function pour(socket: Socket, next: () => Buffer): void {
  const more = () => {
    while (!socket.destroyed && socket.writable && socket.write(next()));
  }
  socket.on('drain', more)
  more()
}

function flood(rule: ConnectionRule, piece: Buffer, before: Buffer = Buffer.alloc(0)): Attack {
  const pieces = repeated(piece)
  return {
    rule,
    begin(socket) {
      socket.write(Buffer.concat([start, before]))
      pour(socket, () => pieces)
    },
  }
}

function streams(): () => number {
  let next = -1
  return () => {
    next += 2
    return next
  }
}

const headers = (id: number, fields: Fields) => frame('HEADERS', id, block(fields), 'END_HEADERS')

export const attacks: Readonly<Record<string, Attack>> = {
  'rapid reset': {
    rule: 'reset_flood',
    begin(socket, path) {
      const id = streams()
      const fields = callFields(path)
      socket.write(start)
      pour(socket, () =>
        Buffer.concat(
          Array.from({ length: burst }, () => {
            const stream = id()
            return Buffer.concat([headers(stream, fields), rstStream(stream)])
          }),
        ),
      )
    },
  },
  CONTINUATION: flood('continuation_flood', frame('CONTINUATION', 1, '00'), frame('HEADERS', 1, '')),
  SETTINGS: flood('settings_flood', settings({ 4: 65_535 })),
  PING: flood('ping_flood', frame('PING', 0, Buffer.alloc(8))),
  'empty DATA': {
    rule: 'empty_frames',
    begin(socket, path) {
      socket.write(Buffer.concat([start, headers(1, callFields(path))]))
      const pieces = repeated(frame('DATA', 1))
      pour(socket, () => pieces)
    },
  },
  'slow reader': {
    rule: 'slow_reader',
    begin(socket, path) {
      const id = streams()
      socket.pause()
      socket.write(
        Buffer.concat([preface, settings({ 4: 0x7fffffff }), windowUpdate(0, 0x7fff0000 - 65_535)]),
      )
      const text = 'x'.repeat(1_000)
      pour(socket, () => Buffer.concat(Array.from({ length: burst }, () => call(id(), path, text))))
    },
  },
  'no preface': { rule: 'preface_timeout', begin: () => undefined },
  'another protocol': {
    rule: 'preface',
    begin: (socket) => socket.write('GET / HTTP/1.1\r\nhost: lane\r\n\r\n'),
  },
}
