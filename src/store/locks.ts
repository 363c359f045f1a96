/** Keys of PostgreSQL advisory locks, one a purpose ("weir" in ASCII, then a number). */
export const locks = {
  /** Held by the replica that migrates the schema. */
  migrate: 0x77656972_01,
  /** Held by the one writer, until its transaction ends. */
  write: 0x77656972_02,
  /** Held by the replica that compacts the history. */
  compact: 0x77656972_03,
  /** Held by the replica that tells where its Envoys are, until its transaction ends. */
  announcements: 0x77656972_04,
} as const

/** The NOTIFY channel on which a committed revision's number is told. */
export const revisionChannel = 'weir_revision'

/** The NOTIFY channel on which it is told that Envoys came, left or were given up. */
export const announcedChannel = 'weir_announced'

/** The NOTIFY channel on which it is told that a rate-limit service answers by another revision, came or left. */
export const replicasChannel = 'weir_replicas'

/** The NOTIFY channel on which a replica, by its id, tells that its Envoys are not as they were. */
export const fleetChannel = 'weir_fleet'

/** The NOTIFY channel on which a replica, by its id, asks the others to send a gateway's Envoys once more what they refused. */
export const retryChannel = 'weir_retry'

/** The NOTIFY channel on which it is told that a rollout has moved. */
export const rolloutsChannel = 'weir_rollouts'

/** The NOTIFY channel on which it is told that a replica sees another stage of its Envoys in a rollout. */
export const reportsChannel = 'weir_rollout_reports'

/** The NOTIFY channel on which it is told that an object is held back, or no longer. */
export const quarantineChannel = 'weir_quarantine'

/** The NOTIFY channel on which replicas are asked how clusters are: a question as JSON. */
export const healthAskedChannel = 'weir_health_asked'

/** The NOTIFY channel on which it is told that a question was answered: its id. */
export const healthToldChannel = 'weir_health_told'
