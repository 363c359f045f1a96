export interface OverloadOptions {
  /** Clients' connections at once, over all listeners. */
  maxConnections?: number | undefined
  /** What Envoy's heap may take before it refuses requests. */
  maxHeapBytes?: number | undefined
}

/** More clients at once than one Envoy should serve, and more memory than they should need; both are those of Envoy's guide. */
export const overloadDefaults = { maxConnections: 50_000, maxHeap: '2GiB', maxHeapBytes: 2 * 1024 ** 3 }

const heap = 'envoy.resource_monitors.fixed_heap'
const extensions = 'type.googleapis.com/envoy.extensions.resource_monitors'

/**
 * Without it a flood of clients takes all memory, and the kernel ends Envoy with everything that is in flight. Near the end
 * of its heap Envoy gives free memory back, then answers new requests with 503. Envoy docs: best_practices/edge,
 * operations/overload_manager.
 */
export function overloadManager({
  maxConnections = overloadDefaults.maxConnections,
  maxHeapBytes = overloadDefaults.maxHeapBytes,
}: OverloadOptions): Record<string, unknown> {
  return {
    refresh_interval: '0.25s',
    resource_monitors: [
      {
        name: 'envoy.resource_monitors.global_downstream_max_connections',
        typed_config: {
          '@type': `${extensions}.downstream_connections.v3.DownstreamConnectionsConfig`,
          max_active_downstream_connections: maxConnections,
        },
      },
      {
        name: heap,
        typed_config: {
          '@type': `${extensions}.fixed_heap.v3.FixedHeapConfig`,
          max_heap_size_bytes: maxHeapBytes,
        },
      },
    ],
    actions: [
      action('envoy.overload_actions.shrink_heap', 0.95),
      action('envoy.overload_actions.stop_accepting_requests', 0.98),
    ],
  }
}

function action(name: string, value: number): object {
  return { name, triggers: [{ name: heap, threshold: { value } }] }
}
