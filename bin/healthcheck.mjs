// The health check of weir's image, which has no curl: ends with 0 while the weir of this container can serve a state.
const address = process.env.WEIR_ADMIN_ADDR || '127.0.0.1:8080'
const url = new URL(`http://${address}/readyz`)
if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1'
if (url.hostname === '[::]') url.hostname = '[::1]'
try {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_500) })
  process.stdout.write(`${await response.text()}\n`)
  process.exitCode = response.ok ? 0 : 1
} catch (error) {
  process.stdout.write(`${url} does not answer: ${error.cause?.message ?? error.message}\n`)
  process.exitCode = 1
}
