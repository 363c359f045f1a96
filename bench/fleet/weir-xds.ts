/** weir's xDS server alone, with resources from a file: what a join is measured on. Driven over IPC. */

import { createXdsServer } from '../../src/xds/server.ts'
import { gateway, readResources } from './resources.ts'

const xds = createXdsServer({ observe: () => undefined })
const { port } = await xds.listen('127.0.0.1:0')
xds.publish({ gateway, revision: 1, resources: readResources(process.argv[2]!) })
xds.markLoaded()
process.send!({ port })

/** Bytes in use once all garbage is gone, and what waits for that. */
process.on('message', async () => {
  for (let round = 0; round < 5; round++) {
    globalThis.gc!()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  process.send!({ used: heapUsed + external, rss })
})
