/** Remembers on disk which commit of a source was last in force, so that a guard restarted without Git goes on with it. */
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readFile as readManifestFile } from './plain-renderer.ts'
import type { CommitReader, LoadedFile } from './renderer.ts'
import { normalizePath } from './source.ts'
import type { LoadedSource } from './source.ts'
import type { SourceSpec } from './source-spec.ts'

export interface LastGood {
  revision: string
  /** Files that are broken at that revision, and the blob whose objects stay in force. */
  kept: { file: string; oid: string; size: number; revision: string }[]
  /** The commit whose rendering stays in force, where this one's failed. */
  rendered?: string
}

/** Undefined where nothing (readable) is remembered for this source as it is configured now. */
export async function readLastGood(
  stateDir: string,
  repository: string,
  spec: SourceSpec,
): Promise<LastGood | undefined> {
  try {
    const value = JSON.parse(await readFile(fileOf(stateDir, repository, spec), 'utf8')) as Partial<LastGood>
    const { revision, kept, rendered } = value
    if (!isHash(revision)) return undefined
    return { revision, kept: Array.isArray(kept) ? kept : [], ...(isHash(rendered) ? { rendered } : {}) }
  } catch {
    return undefined
  }
}

/** Written beside and renamed: a crash leaves the old one or the new one. */
export async function writeLastGood(
  stateDir: string,
  repository: string,
  spec: SourceSpec,
  state: LoadedSource,
): Promise<LastGood> {
  const kept = [...state.files].flatMap(([file, { fallback }]) => (fallback ? [{ file, ...fallback }] : []))
  const file = fileOf(stateDir, repository, spec)
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const { revision, rendering } = state
  const rendered = rendering && rendering.revision !== revision ? { rendered: rendering.revision } : {}
  const value: LastGood & { source: string } = { source: spec.name, revision, kept, ...rendered }
  await writeFile(`${file}.new`, JSON.stringify(value), { mode: 0o600 })
  await rename(`${file}.new`, file)
  return value
}

/** The files that were kept from older commits, as `previous` for loading the revision. Those that are gone are left out. */
export async function restoreFiles(
  last: LastGood,
  spec: SourceSpec,
  reader: CommitReader,
): Promise<Map<string, LoadedFile>> {
  const files = new Map<string, LoadedFile>()
  for (const { file, oid, size, revision } of last.kept) {
    const input = { source: spec.name, revision }
    try {
      for await (const content of reader.blobs([{ oid, size }])) {
        files.set(file, readManifestFile(input, { path: file, oid, size, type: 'file' }, content))
      }
    } catch {
      // Its objects are then known again when the file is mended.
    }
  }
  return files
}

/** A source as it is configured now: with another ref or path it is another one. Hex digits. */
export function sourceId(repository: string, spec: SourceSpec): string {
  const what = JSON.stringify([spec.name, repository, spec.ref, normalizePath(spec.path), spec.renderer])
  return createHash('sha256').update(what).digest('hex').slice(0, 32)
}

function fileOf(stateDir: string, repository: string, spec: SourceSpec): string {
  return join(stateDir, 'sources', `${sourceId(repository, spec)}.json`)
}

function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{40,64}$/.test(value)
}
