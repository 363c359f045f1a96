/** A part of `bench:attack`: the upstream of requests that have no limit, in a process of its own. */

import { startQuickUpstream } from '../test/support/many-requests.ts'

const { port } = await startQuickUpstream('quick')
process.send!(port)
process.once('disconnect', () => process.exit())
