/** Checks that a commit is signed by one of the given keys. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { GitError } from './git-error.ts'
import type { Repository } from './repository.ts'
import { GitExit } from './run-git.ts'
import type { Secret } from '../model/secret.ts'

const SSH_KEY = /^(?:(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+) [A-Za-z0-9+/]+=*/
const TIMEOUT = 30_000

/**
 * Throws GitError `unsigned` where the commit is not signed, or not by one of `keys` (GPG public keys in ASCII armour, or SSH public
 * keys, one a line), and `refused` where a key is neither.
 */
export async function verifyCommit(
  repository: Repository,
  revision: string,
  keys: readonly Secret[],
): Promise<void> {
  const texts = await Promise.all(keys.map((key) => key.read()))
  const home = await mkdtemp(join(tmpdir(), 'gg-gpg-'))
  try {
    const signers = join(home, 'allowed_signers')
    await writeFile(signers, allowedSigners(texts), { mode: 0o600 })
    await importGpgKeys(home, texts)
    await repository.local(['verify-commit', revision], {
      GNUPGHOME: home,
      ...configuration({ 'gpg.ssh.allowedSignersFile': signers }),
    })
  } catch (cause) {
    if (!(cause instanceof GitExit)) throw cause
    const said = cause.message.split('\n').at(-1) ?? ''
    throw new GitError(
      'unsigned',
      `commit ${revision.slice(0, 12)} of ${repository.display} is not signed by a key that the source trusts: ` +
        (said.startsWith('git ended') ? 'it has no signature' : said),
    )
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

/** Any principal: what counts is the key. A namespace, so that a signature of a file cannot pass for one of a commit. */
function allowedSigners(texts: readonly string[]): string {
  const lines = texts.filter((text) => !isGpg(text)).flatMap((text) => text.split(/\r?\n/))
  const keys = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
  return keys
    .map((key) => {
      const match = SSH_KEY.exec(key)
      if (!match)
        throw new GitError('refused', 'verify.keys holds what is neither a GPG nor an SSH public key')
      return `* namespaces="git" ${match[0]}\n`
    })
    .join('')
}

async function importGpgKeys(home: string, texts: readonly string[]): Promise<void> {
  const armoured = texts.filter(isGpg)
  if (armoured.length === 0) return
  const files = await Promise.all(
    armoured.map(async (text, index) => {
      const file = join(home, `key-${index}.asc`)
      await writeFile(file, text, { mode: 0o600 })
      return file
    }),
  )
  try {
    await promisify(execFile)(
      'gpg',
      ['--homedir', home, '--batch', '--no-autostart', '--quiet', '--import', ...files],
      {
        timeout: TIMEOUT,
        env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
      },
    )
  } catch (cause) {
    const { code, stderr } = cause as { code?: unknown; stderr?: string }
    const why = code === 'ENOENT' ? 'gpg is not installed' : (stderr ?? '').trim().split('\n').at(-1)
    throw new GitError('refused', `cannot read the GPG keys of verify.keys: ${why}`)
  }
}

function isGpg(text: string): boolean {
  return text.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----')
}

/** As environment variables, since simple-git lets no such setting through as an argument. */
function configuration(settings: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(settings)
  return {
    GIT_CONFIG_COUNT: String(entries.length),
    ...Object.fromEntries(
      entries.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  }
}
