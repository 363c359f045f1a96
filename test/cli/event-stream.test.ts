import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventParser } from '../../src/cli/event-stream.ts'

const stream =
  'retry: 1000\nid: a.0\n\n: still here\n\nid: a.1\nevent: acked\ndata: {"x":1}\n\n' +
  'data: two\r\ndata:lines\r\nunknown: x\r\n\r\nevent: none\n\nid: a.2\ndata\n\nid: a.3\ndata: cut off'

test('server-sent events are read whatever pieces they come in', () => {
  for (let size = 1; size <= stream.length; size++) {
    const parser = eventParser()
    const events = []
    for (let at = 0; at < stream.length; at += size) events.push(...parser.take(stream.slice(at, at + size)))
    assert.deepEqual(events, [
      { id: 'a.1', event: 'acked', data: '{"x":1}' },
      { id: 'a.1', event: 'message', data: 'two\nlines' },
      { id: 'a.2', event: 'message', data: '' },
    ])
    assert.equal(parser.lastId(), 'a.3')
  }
})

test('before the first event an id is known', () => {
  const parser = eventParser()
  parser.take('id: a.7\n\n')
  assert.equal(parser.lastId(), 'a.7')
})
