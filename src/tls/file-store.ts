import { createHash, randomBytes } from 'node:crypto'
import { chmod, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CertificateStore, Stored } from './certificate-store.ts'

/**
 * Keeps the certificates in one file of a directory, so that no reader sees a key with another's certificate. Readable
 * by this user only. For one guard on one machine: between replicas, use a Secret, which has versions.
 */
export class FileStore implements CertificateStore {
  readonly #directory: string
  readonly #path: string

  constructor(directory: string) {
    this.#directory = directory
    this.#path = join(directory, 'certificates.json')
  }

  async load(): Promise<Stored | undefined> {
    try {
      const text = await readFile(this.#path, 'utf8')
      return { text, version: versionOf(text) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw new Error(`cannot read ${this.#path}`, { cause: error })
    }
  }

  async save(text: string, over: string | undefined): Promise<string | false> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    if ((await this.load())?.version !== over) return false
    const temporary = `${this.#path}.${randomBytes(6).toString('hex')}`
    try {
      await writeFile(temporary, text, { mode: 0o600, flag: 'wx', flush: true })
      await chmod(temporary, 0o600)
      if (over === undefined) await link(temporary, this.#path)
      else await rename(temporary, this.#path)
      return versionOf(text)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw new Error(`cannot write ${this.#path}`, { cause: error })
    } finally {
      await rm(temporary, { force: true })
    }
  }
}

function versionOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
