import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { createLane } from '../../src/grpc-lane/lane.ts'
import { projectRoot } from '../../src/project-root.ts'

const cache = join(projectRoot, '.weir', 'peers', 'go')
const binary = join(cache, 'bin', 'h2spec')
const method = '/weir.test.Echo/Say'

/** Conformance to RFC 9113 and RFC 7541, as other people read them; strict is what they say a server SHOULD do, too. */
describe('h2spec, in full', () => {
  const lane = createLane({ methods: new Map([[method, (message: Buffer) => message]]), observe: () => {} })
  let port: string

  before(async () => {
    const env = {
      ...process.env,
      GOPATH: cache,
      GOBIN: join(cache, 'bin'),
      GOCACHE: join(cache, 'build'),
      GOFLAGS: '-modcacherw',
    }
    const built = spawnSync(
      'go',
      ['install', 'github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible'],
      {
        env,
        encoding: 'utf8',
      },
    )
    assert.equal(built.status, 0, `Go builds h2spec: ${built.error?.message ?? built.stderr}`)
    port = String((await lane.listen('127.0.0.1:0')).port)
  })
  after(() => lane.close(1_000))

  for (const strict of [false, true]) {
    test(strict ? 'strict' : 'as it is', async () => {
      const { stdout } = await promisify(execFile)(binary, [
        ...['generic', 'http2', 'hpack', '--host', '127.0.0.1', '--port', port, '--path', method],
        ...(strict ? ['--strict'] : []),
      ]).catch((error: Error & { stdout: string }) => error)
      const said = stdout.trimEnd().split('\n').at(-1)!
      assert.match(said, /^14[56] tests, 14[56] passed, 0 skipped, 0 failed$/, stdout)
    })
  }
})
