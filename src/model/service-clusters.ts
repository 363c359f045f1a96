/**
 * Clusters of weir's own services in every Envoy. An underscore cannot stand in a user's cluster name,
 * so these never collide with one.
 */
export const xdsCluster = 'weir_xds'
export const rateLimitCluster = 'weir_ratelimit'
