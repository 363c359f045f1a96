import type { FleetAnswer, FleetExchange, FleetGroups, FleetSeat } from '../../src/model/fleet-record.ts'

interface Row {
  own: FleetExchange['own']
  at: number
  envoys: Map<number, FleetSeat & { version: number }>
  gateways: Map<string, FleetGroups & { version: number }>
}

/** What `store/fleet.ts` does with tables, in memory and by a clock of the test's own; through JSON, as there. */
export function fleetTable(now: () => number) {
  const rows = new Map<string, Row>()

  function write({ own, says, envoys, gateways }: FleetExchange): boolean {
    if (says === 'changes' && !rows.has(own.id)) return false
    if (says !== 'changes') rows.delete(own.id)
    if (says === 'leave') return true
    if (says === 'first') for (const [id, each] of rows) if (each.own.name === own.name) rows.delete(id)
    const row = rows.get(own.id) ?? { own, at: now(), envoys: new Map(), gateways: new Map() }
    const { version } = own
    for (const each of envoys) row.envoys.set(each.seat, { ...each, version })
    for (const each of gateways) row.gateways.set(each.gateway, { ...each, version })
    rows.set(own.id, { ...row, own, at: now() })
    return true
  }

  return {
    rows,
    exchange(exchange: FleetExchange): FleetAnswer {
      if (!write(exchange)) return { replicas: [], lost: true }
      const replicas = [...rows.values()].flatMap(({ own, at, envoys, gateways }) => {
        if (own.id === exchange.own.id) return []
        const known = exchange.known.get(own.id) ?? -1
        const isNew = ({ version }: { version: number }) => version > known
        const news = {
          envoys: [...envoys.values()].filter(isNew),
          gateways: [...gateways.values()].filter(isNew),
        }
        return [{ ...own, silentMs: now() - at, ...news }]
      })
      return JSON.parse(JSON.stringify({ replicas, lost: false })) as FleetAnswer
    },
  }
}
