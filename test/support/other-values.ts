import { childOf, type SchemaNode } from '../../src/model/walk.ts'

/**
 * Values unlike `value` that a schema may accept, for trying out what a change does. Some may break a rule that the
 * schema cannot say; whoever asks has them judged.
 */
export function otherValues(node: SchemaNode, value: unknown, names: readonly string[]): unknown[] {
  const found =
    node.anyOf === undefined
      ? plain(node, value, names)
      : node.anyOf.flatMap((branch) => plain(branch, value, names))
  return found.filter((other) => JSON.stringify(other) !== JSON.stringify(value))
}

function plain(node: SchemaNode, value: unknown, names: readonly string[]): unknown[] {
  if (node.enum !== undefined) return node.enum
  if (node.const !== undefined) return []
  switch (node.type) {
    case 'boolean':
      return [true, false]
    case 'integer':
    case 'number':
      return typeof value === 'number' ? [value + 1, value - 1, node.minimum, node.maximum] : [node.minimum]
    case 'string':
      return texts(node, value, names)
    case 'array':
      return Array.isArray(value) ? value.map((_, index) => value.toSpliced(index, 1)) : []
    default:
      return typeof value === 'object' && value !== null ? objects(node, value, names) : []
  }
}

/** One field taken away, or with another value. */
function objects(node: SchemaNode, value: object, names: readonly string[]): unknown[] {
  return Object.entries(value).flatMap(([key, item]) => {
    const others = Object.entries(value).filter(([other]) => other !== key)
    const child = childOf(node, key)
    const changed = child === undefined ? [] : otherValues(child, item, names)
    return [Object.fromEntries(others), ...changed.map((other) => ({ ...value, [key]: other }))]
  })
}

function texts(node: SchemaNode, value: unknown, names: readonly string[]): unknown[] {
  switch (node.format) {
    case 'weir-duration':
      return ['1s', '2s', '2h', node.atLeast, node.atMost]
    case 'weir-size':
      return ['1B', '7MiB', node.atLeast, node.atMost]
    case 'weir-ip':
    case 'weir-host':
      return ['127.0.0.9']
    case 'weir-cidr':
      return ['192.0.2.0/24']
    case 'weir-key-set':
      // Of RFC 8037, appendix A.3, with another name.
      return [
        '{"keys":[{"kid":"other","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}',
      ]
    default:
      return typeof value === 'string' ? [`${value}2`, `2${value}`, `${value}X`, ...names] : []
  }
}
