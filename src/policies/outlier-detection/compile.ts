import { duration, newer, wrap } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import { milliseconds } from '../../model/duration.ts'
import type { EffectiveOutlierDetection } from './schema.ts'

/**
 * `Cluster.outlier_detection`, or nothing where no rule of Envoy's is written. Every number is sent, since Envoy's own
 * defaults would eject by rules that nobody wrote.
 */
export function outlierDetection(spec: EffectiveOutlierDetection): Message {
  const { successRateStdevFactor, failurePercentage, consecutiveLocalOriginFailure } = spec
  const { consecutive5xx, consecutiveGatewayFailure, splitExternalLocalOriginErrors: split } = spec
  const written = [consecutive5xx, consecutiveGatewayFailure, consecutiveLocalOriginFailure]
  const all = [...written, successRateStdevFactor, failurePercentage]
  if (all.every((rule) => rule === undefined) && !spec.detectDegradedHosts) return {}
  const enforcing = (rule: number | undefined, counted = true) =>
    wrap(rule === undefined || !counted ? 0 : spec.enforcing)
  return {
    outlier_detection: {
      ...numbers(spec),
      ...ejection(spec),
      split_external_local_origin_errors: split,
      enforcing_consecutive_5xx: enforcing(consecutive5xx),
      enforcing_consecutive_gateway_failure: enforcing(consecutiveGatewayFailure),
      enforcing_consecutive_local_origin_failure: enforcing(consecutiveLocalOriginFailure),
      enforcing_success_rate: enforcing(successRateStdevFactor),
      enforcing_local_origin_success_rate: enforcing(successRateStdevFactor, split),
      enforcing_failure_percentage: enforcing(failurePercentage),
      enforcing_failure_percentage_local_origin: enforcing(failurePercentage, split),
      ...newer('envoy.config.cluster.v3', { detect_degraded_hosts: wrap(spec.detectDegradedHosts) }),
    },
  }
}

function numbers(spec: EffectiveOutlierDetection): Message {
  const rules = {
    consecutive_5xx: spec.consecutive5xx,
    consecutive_gateway_failure: spec.consecutiveGatewayFailure,
    consecutive_local_origin_failure: spec.consecutiveLocalOriginFailure,
    success_rate_stdev_factor: spec.successRateStdevFactor,
    failure_percentage_threshold: spec.failurePercentage,
  }
  const given = Object.entries(rules).flatMap(([field, value]) =>
    value === undefined ? [] : [[field, wrap(value)]],
  )
  return {
    ...Object.fromEntries(given),
    success_rate_minimum_hosts: wrap(spec.successRateMinimumHosts),
    success_rate_request_volume: wrap(spec.successRateRequestVolume),
    failure_percentage_minimum_hosts: wrap(spec.failurePercentageMinimumHosts),
    failure_percentage_request_volume: wrap(spec.requestVolume),
    interval: duration(milliseconds(spec.interval)),
  }
}

function ejection(spec: EffectiveOutlierDetection): Message {
  const { ejectionTime, maxEjectionTime = ejectionTime, maxEjectionTimeJitter } = spec
  return {
    base_ejection_time: duration(milliseconds(ejectionTime)),
    max_ejection_time: duration(milliseconds(maxEjectionTime)),
    max_ejection_time_jitter: duration(milliseconds(maxEjectionTimeJitter)),
    max_ejection_percent: wrap(spec.maxEjectionPercent),
    always_eject_one_host: wrap(spec.alwaysEjectOneHost),
    successful_active_health_check_uneject_host: wrap(spec.successfulActiveHealthCheckUnejectHost),
  }
}
