import { isIP } from 'node:net'
import { isLoopbackIp, isWildcardIp } from '../model/ip.ts'

export interface HostPort {
  host: string
  port: number
}

/** `host:port` or `[ipv6]:port` as its parts, or undefined. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):([0-9]{1,5})$/.exec(text)
  if (match === null) return undefined
  const port = Number(match[3])
  const host = (match[1] ?? match[2])!
  if (port > 65535 || (match[1] !== undefined && isIP(host) !== 6)) return undefined
  return { host, port }
}

/** Addresses separated by commas, each as `parseHostPort` reads it; undefined where one of them is none. */
export function parseHostPorts(text: string): HostPort[] | undefined {
  const parsed = text.split(',').map((each) => parseHostPort(each.trim()))
  return parsed.every((each) => each !== undefined) ? parsed : undefined
}

export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether only this machine can reach a socket bound to `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || isLoopbackIp(host)
}

/** Whether the address stands for every address of the machine. */
export function isWildcard(host: string): boolean {
  return isWildcardIp(host)
}
