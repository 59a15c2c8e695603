import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { platform } from './platform.ts'
import { withProgress, type Progress } from './progress.ts'
import { runCommand } from './run-command.ts'

/** A published archive: its version, the folder it is in, and its SHA-512 for each platform. */
export interface Archive {
  version: string
  url: string
  sha512: Record<string, string>
}

const CONNECT_MS = 15_000
const STALL_MS = 60_000

/**
 * Downloads the archive for this platform, checks its hash, and puts the named files into `directory`, each only when
 * it is complete. Nothing is unpacked before the hash is right.
 */
export async function downloadArchive(
  archive: Archive,
  names: string[],
  directory: string,
  progress: Progress,
): Promise<void> {
  const expected = archive.sha512[platform()]
  if (expected === undefined)
    throw new Error(`no envtest archive ${archive.version} is published for ${platform()}`)
  const url = `${archive.url.replace(/\/$/, '')}/envtest-${archive.version}-${platform()}.tar.gz`
  await mkdir(directory, { recursive: true })
  const temporary = await mkdtemp(join(directory, '.download-'))
  try {
    const file = join(temporary, 'archive.tar.gz')
    const actual = await download(url, file, progress)
    if (actual !== expected) {
      throw new Error(`the SHA-512 of ${url} must be ${expected}: it is ${actual}`)
    }
    await unpack(file, temporary)
    for (const name of names)
      await rename(join(temporary, 'controller-tools', 'envtest', name), join(directory, name))
  } catch (error) {
    throw new Error(`cannot download the envtest archive ${archive.version}: ${explain(error)}`, {
      cause: error,
    })
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** Writes what `url` gives to `file` and returns its SHA-512. */
async function download(url: string, file: string, progress: Progress): Promise<string> {
  progress(`downloading ${url}`)
  const abort = new AbortController()
  let timer = setTimeout(
    () => abort.abort(new Error(`${url}: no answer in ${CONNECT_MS / 1000} s`)),
    CONNECT_MS,
  )
  try {
    const response = await fetch(url, { signal: abort.signal })
    if (!response.ok || response.body === null)
      throw new Error(`${url}: ${response.status} ${response.statusText}`)
    const total = Number(response.headers.get('content-length'))
    const hash = createHash('sha512')
    let bytes = 0
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        clearTimeout(timer)
        timer = setTimeout(
          () => abort.abort(new Error(`${url}: nothing came for ${STALL_MS / 1000} s`)),
          STALL_MS,
        )
        hash.update(chunk)
        bytes += chunk.length
        done(null, chunk)
      },
    })
    await withProgress(pipeline(Readable.fromWeb(response.body), meter, createWriteStream(file)), {
      progress,
      line: (seconds) =>
        `downloading: ${megabytes(bytes)} of ${total > 0 ? megabytes(total) : '?'} MB, ${seconds} s so far`,
    })
    return hash.digest('hex')
  } finally {
    clearTimeout(timer)
  }
}

async function unpack(file: string, directory: string): Promise<void> {
  const { code, stderr } = await runCommand('tar', ['-xzf', file, '-C', directory])
  if (code !== 0) throw new Error(`tar -xzf ${file}: ${stderr.trim()}`)
}

/** fetch says only "fetch failed" and hides why in its cause. */
function explain(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message}: ${cause.message}` : message
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}
