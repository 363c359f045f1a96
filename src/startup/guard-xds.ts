import { messageOf, startupError } from '../errors.ts'
import type { Observe } from '../observe.ts'
import type { Keyring } from '../secrets/keyring.ts'
import { createXdsTokens, type XdsTokens } from '../secrets/xds-tokens.ts'
import { isLoopback } from '../settings/address.ts'
import type { StartContext } from './start-context.ts'
import { lookAt, type TlsFiles, type TlsTexts } from './tls-files.ts'

/** How often the files are looked at, in milliseconds. */
const everyMs = 1_000

/** What xDS is guarded with, in the form in which its server and the admin API take it. */
export interface XdsGuards {
  server: {
    tls?: { current(): TlsTexts; follow(listener: (texts: TlsTexts) => void): void }
    passes?: { certificates: boolean; readToken?: XdsTokens['read'] }
  }
  /** For who has the admin token. */
  admin: { xdsTokens?: XdsTokens }
  /** For people; nothing where there is nothing to say. */
  how: { how?: string }
}

/** TLS by the files of the settings, and what Envoys have to show. Throws a start-up error for files that cannot be served. */
export async function guardXds(start: StartContext, keyring: Keyring): Promise<XdsGuards> {
  const { settings, observe, shutdown } = start
  const { tls: files, tokens } = settings.xdsGuard
  const certificates = files?.clientCaFile !== undefined
  if (!isLoopback(settings.xdsAddr.host)) warn(files !== undefined, certificates || tokens, observe)
  const xdsTokens = tokens ? createXdsTokens(keyring) : undefined
  const shown = [...(certificates ? ['certificates'] : []), ...(tokens ? ['tokens'] : [])]
  const carried = files === undefined ? 'plaintext' : 'TLS'
  const how = shown.length === 0 ? carried : `${carried}, for ${shown.join(' or ')}`
  const tls = files && (await followTls(files, observe))
  if (tls !== undefined) shutdown.add('watch of the TLS files of xDS', tls.stop)
  const passes = { certificates, ...(xdsTokens && { readToken: xdsTokens.read }) }
  return {
    server: { ...(tls && { tls }), ...(shown.length > 0 && { passes }) },
    admin: { ...(xdsTokens && { xdsTokens }) },
    how: files === undefined && !tokens ? {} : { how },
  }
}

function warn(encrypted: boolean, asked: boolean, observe: Observe): void {
  if (!asked)
    observe({
      event: 'xds_open',
      reason: 'whoever reaches it may fetch every gateway, with its private keys',
    })
  else if (!encrypted)
    observe({ event: 'xds_open', reason: 'tokens and private keys go over the network in clear' })
}

/** Looks at the files again and again: what they are linked to may change without a word (volumes of Kubernetes). */
export async function followTls(files: TlsFiles, observe: Observe, ms = everyMs) {
  const first = await lookAt(files, Date.now())
  if ('reason' in first)
    throw startupError(`xDS cannot be served over TLS: ${first.reason}.`, 'Correct WEIR_XDS_TLS_*.')
  let { texts } = first
  let told: string | undefined
  let suspected: string | undefined
  let listener = (_: TlsTexts) => {}

  async function look(): Promise<void> {
    const seen = await lookAt(files, Date.now())
    if ('reason' in seen) {
      // Seen twice: the files are not just being replaced.
      if (seen.reason === suspected && seen.reason !== told) {
        told = seen.reason
        observe({ event: 'xds_tls_unusable', reason: seen.reason })
      }
      suspected = seen.reason
      return
    }
    told = suspected = undefined
    const before = texts
    texts = seen.texts
    const same = before.certificate === texts.certificate && before.privateKey === texts.privateKey
    const caChanged = before.ca !== texts.ca
    if (same && !caChanged) return
    listener(texts)
    observe({ event: 'xds_tls_renewed', certificateUntil: seen.until.toISOString(), caChanged })
  }

  let looking = false
  const timer = setInterval(() => {
    if (looking) return
    looking = true
    look()
      .catch((error) => observe({ event: 'failed', where: `TLS files of xDS: ${messageOf(error)}`, error }))
      .finally(() => {
        looking = false
      })
  }, ms)
  timer.unref()
  return {
    current: () => texts,
    follow(follower: (texts: TlsTexts) => void) {
      listener = follower
    },
    stop: () => clearInterval(timer),
  }
}
