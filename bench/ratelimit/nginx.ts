import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../test/support/ports.ts'
import { until } from '../../test/support/until.ts'
import { accepts } from '../processes.ts'
import type { Gateway } from './envoy.ts'

/** An upstream that answers 200 with a short body, for as little CPU as may be. */
export function startUpstream(binary: string): Promise<Gateway> {
  return startNginx(binary, (port) => `server { listen 127.0.0.1:${port}; return 200 "ok"; }`)
}

/** nginx of one worker as the gateway, with its own `limit_req` by the same header; it decides by itself alone. */
export function startLimitReq(binary: string, upstream: number): Promise<Gateway> {
  return startNginx(
    binary,
    (port) => `
      limit_req_zone $http_x_tenant zone=tenants:64m rate=1000000r/s;
      upstream main { server 127.0.0.1:${upstream}; keepalive 64; }
      server {
        listen 127.0.0.1:${port};
        location / {
          limit_req zone=tenants burst=1000000 nodelay;
          proxy_pass http://main;
          proxy_http_version 1.1;
          proxy_set_header Connection "";
        }
      }`,
  )
}

async function startNginx(binary: string, servers: (port: number) => string): Promise<Gateway> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-nginx-'))
  const port = await freePort()
  const bodies = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error;
     events { worker_connections 4096; }
     http {
       access_log off; keepalive_requests 1000000000;
       ${bodies.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
       ${servers(port)}
     }`,
  )
  const child = spawn(binary, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  await until('nginx has a worker', async () => workerOf(child.pid!) > 0 && (await accepts(port)))
  return {
    port,
    pid: workerOf(child.pid!),
    async stop() {
      const exit = once(child, 'exit')
      child.kill('SIGTERM')
      await exit
      rmSync(folder, { recursive: true })
    },
  }
}

/** The process that serves; the other one only watches it. */
function workerOf(master: number): number {
  return Number(readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ')[0])
}
