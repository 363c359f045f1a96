import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { startAdmin, token } from '../support/admin.ts'

interface Example {
  command: string
  /** What the answer holds, in this order. */
  shown: string[]
}

async function examples(): Promise<Example[]> {
  const page = await readFile(new URL('../../docs/writing-safely.md', import.meta.url), 'utf8')
  const lines = page.split('\n').map((line) => (line.startsWith('    ') ? line.slice(4) : ''))
  return lines.flatMap((line, index) => {
    if (!line.startsWith('$ ')) return []
    const rest = lines.slice(index + 1)
    return [{ command: line.slice(2), shown: rest.slice(0, rest.indexOf('')) }]
  })
}

test('docs/writing-safely.md: every example does what it shows', async () => {
  const admin = await startAdmin()
  try {
    const all = await examples()
    assert.ok(all.length >= 15)
    for (const { command, shown } of all) {
      const output = await run(command, { WEIR: `${admin.url}/v1`, AUTH: `Authorization: Bearer ${token}` })
      let from = 0
      for (const line of shown) {
        const found = output.indexOf(line, from)
        assert.ok(found >= 0, `${command}\nhas not, or not in this order: ${line}\n${output}`)
        from = found + line.length
      }
    }
  } finally {
    await admin.close()
  }
})

/** As a reader would run it, in a shell. */
async function run(command: string, variables: Record<string, string>): Promise<string> {
  const child = spawn('bash', ['-s'], {
    env: { PATH: process.env.PATH, ...variables },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(`set -e\n${command}\n`)
  return text(child.stdout)
}
