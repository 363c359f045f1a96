/**
 * Clusters of weir's own services in every Envoy. An underscore cannot stand in a user's cluster name,
 * so these never collide with one.
 */
export const xdsCluster = 'weir_xds'
export const rateLimitCluster = 'weir_ratelimit'
/** The Envoys of the gateway itself, as far as an Envoy knows of them: its own place. */
export const localCluster = 'weir_local'
