/** Shows a commit as Flux's source-controller packs it: without the files that are ignored. */
import { ignoredBy, IGNORE_FILE, type IgnoreLines } from './ignore-patterns.ts'
import type { BlobRef } from './repository.ts'
import type { CommitReader } from './renderer.ts'
import type { TreeEntry } from './tree.ts'

export class ArtifactReader implements CommitReader {
  private readonly reader: CommitReader
  private readonly patterns: string | undefined

  /** @param patterns a line each, besides the `.sourceignore` files of the commit. */
  constructor(reader: CommitReader, patterns: string | undefined) {
    this.reader = reader
    this.patterns = patterns
  }

  async files(revision: string, path: string): Promise<TreeEntry[]> {
    const all = await this.reader.files(revision, '')
    const isIgnored = ignoredBy(await this.lines(all), this.patterns)
    const inside = (file: string) => path === '' || file === path || file.startsWith(`${path}/`)
    return all.filter((entry) => inside(entry.path) && !isIgnored(entry.path))
  }

  blobs(refs: readonly BlobRef[]): AsyncGenerator<Buffer> {
    return this.reader.blobs(refs)
  }

  private async lines(entries: readonly TreeEntry[]): Promise<IgnoreLines[]> {
    const found = entries.filter(
      ({ path, type }) => type === 'file' && (path === IGNORE_FILE || path.endsWith(`/${IGNORE_FILE}`)),
    )
    const lines: IgnoreLines[] = []
    const contents = this.reader.blobs(found)
    for (const { path } of found) {
      const { value } = await contents.next()
      const folder = path === IGNORE_FILE ? '' : path.slice(0, -IGNORE_FILE.length - 1)
      if (value) lines.push({ folder, text: value.toString('utf8') })
    }
    // An outer folder's come first: what is further in has the last word.
    return lines.sort((a, b) => a.folder.length - b.folder.length)
  }
}
