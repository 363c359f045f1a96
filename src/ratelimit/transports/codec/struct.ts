import type { Message } from '../../../envoy-api/types.ts'
import type { Writer } from './writer.ts'

/** As protobufjs has it: messages within the answer. */
const deepest = 100

/** A field that holds a `google.protobuf.Struct`, as `struct()` of `envoy-api/` makes it. Throws for one too deep. */
export function writeStruct(writer: Writer, field: number, struct: Message, depth = 1): void {
  if (depth > deepest) throw new Error('a google.protobuf.Struct is nested too deeply')
  const before = writer.length
  const fields = struct.fields as Readonly<Record<string, Message>>
  const keys = Object.keys(fields)
  for (let index = keys.length - 1; index >= 0; index--) {
    const key = keys[index]!
    const entry = writer.length
    writeValue(writer, 2, fields[key]!, depth + 1)
    writer.text(1, key)
    writer.message(1, entry)
  }
  writer.message(field, before)
}

/** A field that holds a `google.protobuf.Value`, of which one kind is set. */
function writeValue(writer: Writer, field: number, value: Message, depth: number): void {
  if (depth > deepest) throw new Error('a google.protobuf.Struct is nested too deeply')
  const before = writer.length
  const { numberValue, stringValue, boolValue, structValue, listValue } = value
  if (stringValue !== undefined) writer.text(3, stringValue as string)
  else if (numberValue !== undefined) {
    writer.double(numberValue as number)
    writer.tag(2, 1)
  } else if (boolValue !== undefined) {
    writer.uint(boolValue === true ? 1 : 0)
    writer.tag(4, 0)
  } else if (structValue !== undefined) writeStruct(writer, 5, structValue as Message, depth + 1)
  else if (listValue !== undefined) writeList(writer, 6, listValue as { values: Message[] }, depth + 1)
  else {
    writer.uint(0)
    writer.tag(1, 0)
  }
  writer.message(field, before)
}

function writeList(writer: Writer, field: number, { values }: { values: Message[] }, depth: number): void {
  if (depth > deepest) throw new Error('a google.protobuf.Struct is nested too deeply')
  const before = writer.length
  for (let index = values.length - 1; index >= 0; index--) writeValue(writer, 1, values[index]!, depth + 1)
  writer.message(field, before)
}
