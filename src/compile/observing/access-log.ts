import { any, struct, typedStruct } from '../../envoy-api/build.ts'
import type { Message } from '../../envoy-api/types.ts'
import type { AccessLog } from '../../model/access-log.ts'
import { exporter } from './exporter.ts'
import { logFields } from './log-fields.ts'
import { logFilter } from './log-filter.ts'
import type { ObservedPlace } from './observing.ts'

const loggers = 'envoy.extensions.access_loggers'

/** A logger of a connection manager; Envoy docs: configuration/observability/access_log/usage. */
export function accessLog({ to, only }: AccessLog, place: ObservedPlace): Message {
  return { ...logger(to, place), ...(only === undefined ? {} : { filter: logFilter(only) }) }
}

function logger(to: AccessLog['to'], place: ObservedPlace): Message {
  const fields = logFields(place)
  // Envoy escapes what clients wrote, and writes numbers as such and what there is none of as null.
  const log_format = { json_format: struct(fields) }
  if (to?.otlp !== undefined) return otlp(to.otlp, fields, place)
  if (to?.file !== undefined) {
    const typed_config = any(`${loggers}.file.v3.FileAccessLog`, { path: to.file, log_format })
    return { name: 'envoy.access_loggers.file', typed_config }
  }
  const typed_config = any(`${loggers}.stream.v3.StdoutAccessLog`, { log_format })
  return { name: 'envoy.access_loggers.stdout', typed_config }
}

/** Log records with the fields of a line as attributes; their trace and span are the request's. */
function otlp(cluster: string, fields: Record<string, string>, place: ObservedPlace): Message {
  const { gateway, speaksHttp2 } = place
  const values = (of: Record<string, string>) => ({
    values: Object.entries(of).map(([key, text]) => ({ key, value: { string_value: text } })),
  })
  return {
    name: 'envoy.access_loggers.open_telemetry',
    typed_config: typedStruct(`${loggers}.open_telemetry.v3.OpenTelemetryAccessLogConfig`, {
      ...exporter(cluster, { speaksHttp2: speaksHttp2(cluster), path: '/v1/logs', timeout: '1s' }),
      log_name: gateway,
      disable_builtin_labels: true,
      resource_attributes: values({ 'service.name': gateway }),
      attributes: values(fields),
      body: { string_value: `${fields.method} ${fields.path} ${fields.status}` },
    }),
  }
}
