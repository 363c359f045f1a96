import { effective } from '../model/effective.ts'
import { type EffectiveGateway, GatewaySpec } from '../model/gateway.ts'
import type { CheckContext } from '../model/kind.ts'
import { boundAddress } from '../model/listener.ts'
import { all, type State } from '../model/state.ts'
import { formatHostPort } from '../settings/address.ts'

/** Where a started weir can be reached and what to try first. */
export interface PanelContent {
  gateways: readonly { name: string; urls: string[] }[]
  admin: string
  /** The file that holds the token; absent where the operator gave one. */
  tokenFile: string | undefined
  /** The quickstart's gateway, where it is in force and can be tried. */
  tryIt: string | undefined
}

/** The URLs of every gateway's listeners. */
export function gatewayUrls(state: State, context: CheckContext): PanelContent['gateways'] {
  return all(state, 'Gateway').map(({ document }) => {
    const { listeners } = effective<EffectiveGateway>(GatewaySpec, document.spec)
    const urls = listeners.map((listener) => {
      const host = boundAddress(listener, context).replace(/^(0\.0\.0\.0|::)$/, '127.0.0.1')
      return `http://${formatHostPort({ host, port: listener.port })}`
    })
    return { name: document.name, urls }
  })
}

/** A short text for the terminal. */
export function panel({ gateways, admin, tokenFile, tryIt }: PanelContent): string {
  const token = tokenFile === undefined ? '$WEIR_ADMIN_TOKEN' : `$(cat ${tokenFile})`
  const rows = [
    ...gateways.map(({ name, urls }) => [`gateway ${name}`, urls.join('  ')] as const),
    ['admin API', `${admin}/v1   (bearer token: ${tokenFile ?? 'WEIR_ADMIN_TOKEN'})`] as const,
    ['its docs', `${admin}/docs`] as const,
  ]
  const width = Math.max(...rows.map(([title]) => title.length))
  const lines = [
    '',
    'weir is ready.',
    '',
    ...rows.map(([title, text]) => `  ${title.padEnd(width)}  ${text}`),
  ]
  if (tryIt !== undefined) {
    lines.push('', 'Try (the second one runs into its limit at the sixth time in a minute):', '')
    lines.push(`  curl -i ${tryIt}/`)
    lines.push(`  curl -i -H 'x-api-key: demo' ${tryIt}/limited`)
    lines.push(`  curl -H "authorization: Bearer ${token}" ${admin}/v1/fleet`)
  }
  return [...lines, '', 'Ctrl-C ends it.', ''].join('\n')
}
