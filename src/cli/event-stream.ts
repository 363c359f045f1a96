/** One server-sent event. */
export interface ServerSentEvent {
  id: string
  event: string
  data: string
}

/**
 * Takes the text of a stream in any pieces and answers with the events that it completes (WHATWG HTML, section 9.2.6). An
 * event without data is none, but its id counts.
 */
export function eventParser(): { take(text: string): ServerSentEvent[]; lastId(): string } {
  let rest = ''
  let id = ''
  let event = ''
  let data: string[] = []

  function line(text: string): ServerSentEvent | undefined {
    if (text === '') {
      const done = data.length > 0 ? { id, event: event || 'message', data: data.join('\n') } : undefined
      event = ''
      data = []
      return done
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(text)!
    if (field === 'id' && !value.includes('\0')) id = value
    if (field === 'event') event = value
    if (field === 'data') data.push(value)
    return undefined
  }

  return {
    take(text) {
      // A carriage return at the end may be half of a line's end.
      const lines = (rest + text).split(/\r\n|\n|\r(?=[^\n])/)
      rest = lines.pop()!
      return lines.flatMap((each) => line(each) ?? [])
    },
    lastId: () => id,
  }
}
