/** A real sshd on a free loopback port that serves git to one key. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../control-plane/free-port.ts'

export interface SshServer {
  /** `ssh://USER@127.0.0.1:PORT`, to be followed by an absolute path. */
  origin: string
  /** Private key that may log in, as text, and one that may not. */
  key: string
  strangerKey: string
  /** Lines for known_hosts: the right host key, and another one. */
  knownHosts: string
  wrongKnownHosts: string
}

/** Path of sshd; installs it where that is possible. Throws with what to do where it is not. */
export function requireSshd(): string {
  const find = () =>
    ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/usr/bin/sshd'].find((path) => existsSync(path))
  const found = find()
  if (found) return found
  try {
    execFileSync('apt-get', ['update', '-qq'], { stdio: 'pipe' })
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'openssh-server'], { stdio: 'pipe' })
  } catch {
    // Told below.
  }
  const installed = find()
  if (installed) return installed
  throw new Error('these tests need sshd: install openssh-server (apt-get install openssh-server)')
}

export async function sshServer(context: Pick<TestContext, 'after'>, base: string): Promise<SshServer> {
  const sshd = requireSshd()
  const home = join(base, 'sshd')
  mkdirSync(home, { mode: 0o700 })
  const key = (name: string) => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(home, name)])
    return {
      secret: readFileSync(join(home, name), 'utf8'),
      open: readFileSync(join(home, `${name}.pub`), 'utf8').trim(),
    }
  }
  const [host, other, client, stranger] = ['host', 'other', 'client', 'stranger'].map(key) as [
    ReturnType<typeof key>,
    ReturnType<typeof key>,
    ReturnType<typeof key>,
    ReturnType<typeof key>,
  ]
  writeFileSync(join(home, 'authorized_keys'), `${client.open}\n`, { mode: 0o600 })
  const port = await freePort()
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(home, 'host')}`,
    `AuthorizedKeysFile ${join(home, 'authorized_keys')}`,
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'StrictModes no',
    'UsePAM no',
    `PidFile ${join(home, 'pid')}`,
  ]
  writeFileSync(join(home, 'config'), `${config.join('\n')}\n`)
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const log: Buffer[] = []
  const child = spawn(sshd, ['-D', '-e', '-f', join(home, 'config')], { stdio: ['ignore', 'ignore', 'pipe'] })
  child.stderr.on('data', (chunk: Buffer) => log.push(chunk))
  context.after(() => {
    child.kill('SIGKILL')
  })
  for (let attempt = 0; !(await answers(port)); attempt++) {
    if (attempt > 100) throw new Error(`sshd did not start: ${Buffer.concat(log).toString()}`)
    await sleep(50)
  }
  const line = (open: string) => `[127.0.0.1]:${port} ${open.split(' ').slice(0, 2).join(' ')}\n`
  return {
    origin: `ssh://${userInfo().username}@127.0.0.1:${port}`,
    key: client.secret,
    strangerKey: stranger.secret,
    knownHosts: line(host.open),
    wrongKnownHosts: line(other.open),
  }
}

async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => {
      resolve(false)
    })
  })
}
