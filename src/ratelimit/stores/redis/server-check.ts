import { startupError, type WeirError } from '../../../errors.ts'
import type { RedisTarget } from './url.ts'

/**
 * What is wrong with a server for this kind of URL, by its answer to INFO; nothing where it does. The scripts need what
 * Redis 7 and Valkey 7.2 brought: effects are replicated, and the clock may be read before a write.
 */
export function faultOf(info: string, kind: RedisTarget['kind']): WeirError | undefined {
  const fields = new Map(info.split('\r\n').map((line) => line.split(/:(.*)/s, 2) as [string, string]))
  const valkey = fields.get('valkey_version')
  const redis = fields.get('redis_version')
  const mode = fields.get('redis_mode') ?? fields.get('server_mode')
  if (valkey !== undefined ? isBelow(valkey, 7, 2) : redis !== undefined && isBelow(redis, 7, 0))
    return startupError(
      `The store of REDIS_URL is ${valkey !== undefined ? `Valkey ${valkey}` : `Redis ${redis}`}, which is too old.`,
      'Run Redis 7.0 or Valkey 7.2, or later ones.',
    )
  if (mode === 'sentinel')
    return startupError(
      'REDIS_URL names a Sentinel as though it were the store.',
      'Begin it with redis+sentinel://, and put the name of the primary in its path.',
    )
  if (mode === 'cluster' && kind !== 'cluster')
    return startupError(
      'REDIS_URL names a node of a cluster as though it were the whole store.',
      'Begin it with redis+cluster:// (rediss+cluster:// for TLS).',
    )
  return undefined
}

/** What is wrong with REDIS_URL, by an error of a connection; nothing where the store may yet come. */
export function faultOfError(message: string): WeirError | undefined {
  if (/\b(WRONGPASS|NOAUTH|invalid password)\b/i.test(message))
    return startupError(
      `The store of REDIS_URL refuses user and password${/NOAUTH/.test(message) ? ', or wants some' : ''}.`,
      'Check both, and write characters such as / @ : # in them as %2F %40 %3A %23.',
    )
  if (/\bNOPERM\b|ACL failure/.test(message))
    return startupError(
      `The user of REDIS_URL may not do what is needed: ${message}.`,
      `Give it these rules: ${aclRules}${/\bselect\b/.test(message) ? ' +select (or leave out the database)' : ''}.`,
    )
  if (/cluster support disabled/.test(message))
    return startupError(
      'REDIS_URL names a cluster, and the server there is in none.',
      'Begin it with redis:// (rediss:// for TLS).',
    )
  if (/unknown command '?sentinel/i.test(message))
    return startupError(
      'REDIS_URL names Sentinels, and the server there is none.',
      'Name the Sentinels, or begin it with redis:// (rediss:// for TLS) and name the server itself.',
    )
  if (/DB index is out of range/.test(message))
    return startupError('REDIS_URL names a database that the store does not have.', 'Name another, or none.')
  if (/certificate|self-signed|SSL routines|wrong version number|altnames/i.test(message))
    return startupError(
      `TLS with the store of REDIS_URL fails: ${message}.`,
      'Use rediss:// where the store speaks TLS, and name its CA as ?ssl_ca_certs=/path/to/ca.pem where it is one of yours.',
    )
  return undefined
}

/** None of the Sentinels knows the primary by the name that REDIS_URL has. */
export function unknownName(name: string): WeirError {
  return startupError(
    `The Sentinels of REDIS_URL know no primary named ${name}.`,
    'Put the name of their `sentinel monitor` in its path, as in redis+sentinel://sentinel-1:26379/mymaster.',
  )
}

/** What a user needs: what the scripts do, what an edit does, and what a client asks to find the store. */
export const aclRules =
  '~weir:* &weir:* +eval +evalsha +time +get +set +del +unlink +hget +hset +hgetall +hdel +pexpire +publish +subscribe +scan +info +ping +client|setname +client|setinfo +cluster|slots +cluster|info'

/** What the user of Sentinels needs. */
export const sentinelAclRules =
  '&+switch-master +sentinel|get-master-addr-by-name +sentinel|sentinels +subscribe +info +ping +client|setinfo'

function isBelow(version: string, major: number, minor: number): boolean {
  const [one = 0, two = 0] = version.split('.').map(Number)
  return one < major || (one === major && two < minor)
}
