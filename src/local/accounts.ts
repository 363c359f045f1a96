import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { startupError } from '../errors.ts'

/** An entry of /etc/passwd. */
export interface Account {
  name: string
  uid: number
  gid: number
}

function accounts(): Account[] {
  let text = ''
  try {
    text = readFileSync('/etc/passwd', 'utf8')
  } catch {
    // A machine without the file has no account that we could use.
  }
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':')
    return name && uid && gid ? { name, uid: Number(uid), gid: Number(gid) } : []
  })
}

const ownName = 'weir-postgres'

/**
 * The account that runs PostgreSQL when weir is root, since PostgreSQL refuses to be root: the owner of an
 * existing `home`, else `postgres`, else `weir-postgres` (created if need be), else `nobody`.
 * initdb needs an entry in /etc/passwd.
 */
export function postgresAccount(home: string): Account {
  const known = accounts()
  const owner = statSync(home, { throwIfNoEntry: false })?.uid
  const named = (name: string) => known.find((account) => account.name === name && account.uid !== 0)
  const account =
    (owner ? known.find(({ uid }) => uid === owner) : undefined) ??
    named('postgres') ??
    named(ownName) ??
    createAccount() ??
    named('nobody')
  if (account !== undefined) return account
  throw startupError(
    'PostgreSQL refuses to run as root, and there is no other account for it.',
    `Create one (useradd --system ${ownName}), run weir as another user, or set DATABASE_URL.`,
  )
}

function createAccount(): Account | undefined {
  const ways: [string[], string[]][] = [
    [
      ['/usr/sbin/useradd', '/usr/bin/useradd', '/sbin/useradd'],
      [
        '--system',
        '--user-group',
        '--no-create-home',
        '--home-dir',
        '/nonexistent',
        '--shell',
        '/bin/false',
        ownName,
      ],
    ],
    // busybox
    [
      ['/usr/sbin/adduser', '/usr/bin/adduser', '/sbin/adduser', '/bin/adduser'],
      ['-S', '-D', '-H', '-h', '/nonexistent', '-s', '/bin/false', ownName],
    ],
  ]
  for (const [places, args] of ways) {
    const tool = places.find((place) => existsSync(place))
    if (tool === undefined) continue
    spawnSync(tool, args, {
      stdio: 'ignore',
      timeout: 10_000,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    })
    const made = accounts().find(({ name }) => name === ownName)
    if (made !== undefined) return made
  }
  return undefined
}
