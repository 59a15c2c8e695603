/** A commit's files as a file system would show them: folders, and symbolic links that stay inside. */
import { posix } from 'node:path'
import type { CommitReader } from './renderer.ts'
import type { TreeEntry } from './tree.ts'

/** As Linux does. */
const MAX_LINKS = 40
/** More are not looked at: nobody has them. */
const MAX_LINKS_IN_COMMIT = 5000

/** What a path leads to: a file, or a folder ('' is the repository's root). */
export type Place =
  { type: 'file'; path: string; entry: TreeEntry } | { type: 'folder'; path: string } | { type: 'submodule' }

export class CommitTree {
  private readonly entries = new Map<string, TreeEntry>()
  private readonly folders = new Set<string>([''])
  private readonly targets: ReadonlyMap<string, string>
  /** Links that were on the way to what was looked up, with the places that they lead to. */
  readonly followed = new Map<string, string>()
  /** Links that are being resolved: one that leads to itself leads nowhere. */
  private readonly resolving = new Set<string>()

  private constructor(entries: readonly TreeEntry[], targets: ReadonlyMap<string, string>) {
    this.targets = targets
    for (const entry of entries) {
      this.entries.set(entry.path, entry)
      for (let folder = posix.dirname(entry.path); folder !== '.'; folder = posix.dirname(folder)) {
        if (this.folders.has(folder)) break
        this.folders.add(folder)
      }
    }
  }

  static async of(entries: readonly TreeEntry[], reader: CommitReader): Promise<CommitTree> {
    const links = entries.filter(({ type }) => type === 'symlink').slice(0, MAX_LINKS_IN_COMMIT)
    const targets = new Map<string, string>()
    const contents = reader.blobs(links)
    for (const { path } of links) {
      const { value } = await contents.next()
      if (value) targets.set(path, value.toString('utf8'))
    }
    return new CommitTree(entries, targets)
  }

  /** Files and links in a folder and below, by their own names, sorted. */
  under(folder: string): TreeEntry[] {
    const prefix = folder === '' ? '' : `${folder}/`
    return [...this.entries.values()].filter(({ path }) => path.startsWith(prefix))
  }

  /** A file by its own name, with no link followed. */
  entry(path: string): TreeEntry | undefined {
    return this.entries.get(path)
  }

  /** What `path` leads to; undefined where there is nothing or the way leaves the repository. */
  look(path: string): Place | undefined {
    let rest = path.split('/')
    let at = ''
    for (let links = 0; ;) {
      const [step, ...after] = rest
      if (step === undefined) break
      rest = after
      if (step === '' || step === '.') continue
      if (step === '..') {
        if (at === '') return undefined
        at = parent(at)
        continue
      }
      const next = at === '' ? step : `${at}/${step}`
      const target = this.targets.get(next)
      if (target === undefined) {
        at = next
        continue
      }
      if (target.startsWith('/') || ++links > MAX_LINKS || this.resolving.has(next)) return undefined
      if (!this.followed.has(next)) {
        // Without the rest of the way, so that what is put on disk leads to a place and never to another link.
        this.resolving.add(next)
        const place = this.look(`${at === '' ? '.' : at}/${target}`)
        this.resolving.delete(next)
        if (!place || place.type === 'submodule') return undefined
        this.followed.set(next, place.path)
      }
      at = this.followed.get(next) ?? ''
    }
    const entry = this.entries.get(at)
    if (entry?.type === 'submodule') return { type: 'submodule' }
    if (entry?.type === 'file') return { type: 'file', path: at, entry }
    return this.folders.has(at) ? { type: 'folder', path: at } : undefined
  }
}

function parent(path: string): string {
  const at = path.lastIndexOf('/')
  return at < 0 ? '' : path.slice(0, at)
}
