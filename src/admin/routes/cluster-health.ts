import type { FastifyInstance } from 'fastify'
import { cluster } from '../../model/cluster.ts'
import { ClusterHealth, FleetHealth } from '../../model/cluster-health.ts'
import { find } from '../../model/state.ts'
import { breakerJson } from '../breaker-json.ts'
import type { AdminContext } from '../context.ts'
import { missingObject, objectParams } from '../object-url.ts'
import { problemResponses } from '../problem-schema.ts'

/** Breakers that one answer about the whole fleet lists. */
const mostBreakers = 1_000

/** `GET /v1/clusters/{name}/health` and `GET /v1/fleet/health`: how clusters are, as the Envoys see them. */
export function clusterHealthRoutes(app: FastifyInstance, context: AdminContext): void {
  const { health, breakers, store } = context
  const one = {
    summary: 'How a cluster is, as each Envoy that has it sees it',
    description:
      'By what the Envoys of all replicas stream every 2 s, and the Envoys that weir runs itself say when they are asked; each figure has its time.',
    tags: ['fleet'],
    params: objectParams,
    response: { '200': ClusterHealth, ...problemResponses },
  }
  app.get(`/v1/${cluster.plural}/:name/health`, { schema: one }, async (request) => {
    const { name } = request.params as { name: string }
    const [answer, view] = await Promise.all([health.cluster(name), breakers.find(name)])
    // While there are Envoys that have it nobody needs the database to know that it is there.
    if (answer.envoys.length === 0 && find(await store.current(), cluster.kind, name) === undefined) {
      throw missingObject(cluster, name)
    }
    return { ...answer, ...(view !== undefined && { breaker: breakerJson(view, breakers.warnings()) }) }
  })

  const all = {
    summary: 'Clusters with which an Envoy sees something amiss, and circuit breakers that are not closed',
    description:
      'Those of which an Envoy leaves an endpoint alone or has none that is healthy, that are in panic, or whose connection pool is full.',
    tags: ['fleet'],
    response: { '200': FleetHealth, ...problemResponses },
  }
  app.get('/v1/fleet/health', { schema: all }, async () => {
    const [ailments, open] = await Promise.all([health.ailments(), breakers.notClosed()])
    const warnings = breakers.warnings()
    const shown = open.slice(0, mostBreakers).map((view) => breakerJson(view, warnings))
    return { ...ailments, breakers: shown, warnings }
  })
}
