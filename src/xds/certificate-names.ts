/** A gateway's name, so that a wildcard is none. */
const namePattern = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/

/** The forms in which a name of a certificate says a gateway. */
const readers: Readonly<Record<string, (text: string) => string | undefined>> = {
  URI: (text) => /^(?:weir:\/\/gateway|spiffe:\/\/[^/?#]+\/gateway)\/([^/?#]+)$/.exec(text)?.[1],
  /** Before the label `gateway`, of which there is one: of two nobody could say which is meant. */
  DNS(text) {
    const labels = text.toLowerCase().split('.')
    const at = labels.indexOf('gateway')
    if (at < 1 || at === labels.length - 1 || labels.lastIndexOf('gateway') !== at) return undefined
    return labels.slice(0, at).join('.')
  },
}

/**
 * The gateways that a certificate is for, by its subject alternative names (RFC 5280, section 4.2.1.6) as Node prints them:
 * `URI:weir://gateway/edge, DNS:edge.gateway.internal`. Names with anything unusual in them are quoted there, and are no
 * gateway's; a text that is not of this form gives none at all.
 */
export function gatewaysOf(subjectAltName: string | undefined): string[] {
  const found = new Set<string>()
  let rest = subjectAltName ?? ''
  while (rest !== '') {
    const [entry, type, plain] = /^([\w ]+):(?:"(?:[^"\\]|\\.)*"|([^,"]*))(?:, |$)/.exec(rest) ?? []
    if (entry === undefined) return []
    rest = rest.slice(entry.length)
    const gateway = plain === undefined ? undefined : readers[type!]?.(plain)
    if (gateway !== undefined && namePattern.test(gateway)) found.add(gateway)
  }
  return [...found]
}
