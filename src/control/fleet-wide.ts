/**
 * What Envoy says when the cause is where it runs, or which Envoy it is, and not what it was sent: an address that is
 * taken or not there, a port or file that it may not use, no memory or descriptors left, an extension or a field that this
 * build does not know, or another listener that still has the address. Another Envoy may well take the same, or this one
 * later.
 */
const local = [
  /cannot (bind|listen|set)|could not bind|setting socket options/i,
  /address (is )?(already )?in use|cannot assign requested address|has duplicate address/i,
  /permission denied|operation not permitted|no such file|unable to read file|file exceeds/i,
  /too many open files|cannot allocate memory|no buffer space|resource limit/i,
  /didn't find a registered|unknown extension|has unknown fields|could not find @type|deprecated .* not enabled/i,
]

/**
 * Whether a refusal holds for every Envoy of the fleet: what is checked is checked by all of them alike, and nothing but a
 * change of what they are sent mends it. All else is left to the Envoy that said so: it keeps what it has of the resource,
 * and gets it again after a while, or when a client waits for it.
 */
export function holdsForAll(error: string): boolean {
  return !local.some((each) => each.test(error))
}
