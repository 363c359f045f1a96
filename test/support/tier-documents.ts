/** A gateway of two listeners, the second on the port after the first one's. */
export const gateway = (name: string, port: number) => ({
  kind: 'Gateway',
  name,
  spec: {
    listeners: [
      { name: 'http', port, protocol: 'http' },
      { name: 'inner', port: port + 1, protocol: 'http' },
    ],
  },
})

/** The cluster by which a gateway forwards to another one. */
export const tier = (name: string, listener = 'http') => ({
  kind: 'Cluster',
  name: `to-${name}`,
  spec: { gateway: { name, listener } },
})
