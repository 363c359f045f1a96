import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js'
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader'

/** A span, of whichever protocol. */
export interface Span {
  service: string
  traceId: string
  id: string
  /** Empty for the first of a trace. */
  parent: string
  name: string
  kind: 'server' | 'client'
  tags: Record<string, string>
}

/** A log record. */
export interface LogRecord {
  service: string
  traceId: string
  body: string
  fields: Record<string, string>
}

/** What a gateway sends spans and log records to. */
export interface Collector {
  /** OTLP/gRPC. */
  readonly grpcPort: number
  /** OTLP/HTTP at `/v1/traces` and `/v1/logs`, Zipkin's JSON at `/api/v2/spans`. */
  readonly httpPort: number
  readonly spans: Span[]
  readonly records: LogRecord[]
  /** Protocols and paths by which anything came. */
  readonly ways: Set<string>
  close(): Promise<void>
}

const protoPackage = 'opentelemetry.proto.collector.trace.v1'
const protos = loadSync(join(import.meta.dirname, 'otlp.proto'), {
  keepCase: true,
  enums: String,
  bytes: Buffer,
})

export async function startCollector(): Promise<Collector> {
  const spans: Span[] = []
  const records: LogRecord[] = []
  const ways = new Set<string>()
  const grpc = new Server()
  grpc.addService(protos[`${protoPackage}.TraceService`] as ServiceDefinition, {
    Export({ request }: { request: Traces }, answer: (error: null, value: object) => void) {
      ways.add('grpc')
      spans.push(...otlpSpans(request))
      answer(null, {})
    },
  })
  const grpcPort = await new Promise<number>((resolve, reject) =>
    grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  )
  const http = createServer(async (request, response) => {
    const bytes = await bodyOf(request)
    ways.add(request.url!)
    if (request.url === '/v1/traces') spans.push(...otlpSpans(decoded('ExportTraceServiceRequest', bytes)))
    if (request.url === '/v1/logs') records.push(...otlpRecords(decoded('ExportLogsServiceRequest', bytes)))
    if (request.url === '/api/v2/spans')
      spans.push(...(JSON.parse(bytes.toString()) as ZipkinSpan[]).map(zipkinSpan))
    response.end()
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    grpcPort,
    httpPort: (http.address() as AddressInfo).port,
    spans,
    records,
    ways,
    async close() {
      grpc.forceShutdown()
      await new Promise<void>((resolve) => {
        http.close(() => resolve())
        http.closeAllConnections()
      })
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function decoded<Message>(name: string, bytes: Buffer): Message {
  const message = protos[`${protoPackage}.${name}`] as MessageTypeDefinition<object, object>
  return message.deserialize(bytes) as Message
}

interface KeyValue {
  key: string
  value?: { string_value?: string }
}

interface Resource {
  attributes?: KeyValue[]
}

interface Traces {
  resource_spans?: { resource: Resource; scope_spans: { spans: OtlpSpan[] }[] }[]
}

interface OtlpSpan {
  trace_id: Buffer
  span_id: Buffer
  parent_span_id?: Buffer
  name: string
  kind: string
  attributes?: KeyValue[]
}

interface Logs {
  resource_logs?: { resource: Resource; scope_logs: { log_records: OtlpRecord[] }[] }[]
}

interface OtlpRecord {
  trace_id?: Buffer
  body?: { string_value?: string }
  attributes?: KeyValue[]
}

interface ZipkinSpan {
  localEndpoint: { serviceName: string }
  traceId: string
  id: string
  parentId?: string
  name: string
  kind: 'SERVER' | 'CLIENT'
  tags?: Record<string, string>
}

const valuesOf = (attributes: KeyValue[] = []) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value?.string_value ?? '']))

const hex = (bytes: Buffer = Buffer.alloc(0)) => bytes.toString('hex')

function otlpSpans({ resource_spans = [] }: Traces): Span[] {
  return resource_spans.flatMap(({ resource, scope_spans }) =>
    scope_spans.flatMap(({ spans }) =>
      spans.map((span) => ({
        service: valuesOf(resource.attributes)['service.name'] ?? '',
        traceId: hex(span.trace_id),
        id: hex(span.span_id),
        parent: hex(span.parent_span_id),
        name: span.name,
        kind: span.kind === 'SPAN_KIND_SERVER' ? 'server' : 'client',
        tags: valuesOf(span.attributes),
      })),
    ),
  )
}

function otlpRecords({ resource_logs = [] }: Logs): LogRecord[] {
  return resource_logs.flatMap(({ resource, scope_logs }) =>
    scope_logs.flatMap(({ log_records }) =>
      log_records.map((record) => ({
        service: valuesOf(resource.attributes)['service.name'] ?? '',
        traceId: hex(record.trace_id),
        body: record.body?.string_value ?? '',
        fields: valuesOf(record.attributes),
      })),
    ),
  )
}

/** Zipkin's JSON v2. */
function zipkinSpan({ localEndpoint, traceId, id, parentId = '', name, kind, tags = {} }: ZipkinSpan): Span {
  return {
    ...{ service: localEndpoint.serviceName, traceId, id, parent: parentId, name, tags },
    kind: kind === 'SERVER' ? 'server' : 'client',
  }
}
