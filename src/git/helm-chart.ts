/** Finds every file of a commit that rendering a chart reads. */
import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import type { Problem } from '../model/desired.ts'
import type { Json } from '../model/json.ts'
import { fieldOf } from '../object/json.ts'
import { CommitTree } from './kustomize-tree.ts'
import type { RenderInput } from './renderer.ts'
import type { TreeEntry } from './tree.ts'
import { readDocuments } from './yaml.ts'

/** Bytes in all, and files. */
const MAX_BYTES = 64 * 1024 * 1024
const MAX_FILES = 20_000
/** Charts in charts in charts. */
const MAX_DEPTH = 8

export interface HelmChart {
  tree: CommitTree
  /** The chart's folder, links resolved. */
  root: string
  /** As Chart.yaml says: what Helm calls the folder. */
  name: string
  /** As Chart.yaml says. */
  version: string
  /** Where each file is put, and where it is in the commit. */
  files: ReadonlyMap<string, TreeEntry>
  links: ReadonlyMap<string, string>
  /** Values files, in Helm's order. */
  values: readonly string[]
  /** Of the names and contents of all files. */
  hash: string
}

/** Problems: why it cannot be rendered. Throws GitError `corrupt`. */
export async function helmChart(
  input: Pick<RenderInput, 'source' | 'revision' | 'path' | 'reader' | 'spec'>,
): Promise<HelmChart | { problems: Problem[] }> {
  const { reader, revision, spec, source } = input
  const entries = await reader.files(revision, '')
  const tree = await CommitTree.of(entries, reader)
  const search = new Search(input, entries, tree)
  const place = tree.look(input.path)
  const root = place?.type === 'folder' ? place.path : undefined
  const chartFile = root === undefined ? undefined : await search.chart(root, root, 0)
  if (root === undefined || chartFile === undefined) {
    const message = 'has no Chart.yaml: a source that Helm renders is a folder with one'
    return { problems: [{ source, file: input.path || '.', line: 0, message }] }
  }
  const values = (spec.helm?.values ?? []).flatMap((file) =>
    search.valuesFile(file, root, spec.helm?.ignoreMissing === true),
  )
  search.checkSize(chartFile.path)
  if (search.problems.length > 0) return { problems: search.problems }
  const { files } = search
  const links = new Map(tree.followed)
  const hash = hashOf([root, values, [...links].sort()], files)
  return { tree, root, name: chartFile.name, version: chartFile.version, files, links, values, hash }
}

class Search {
  readonly files = new Map<string, TreeEntry>()
  readonly problems: Problem[] = []
  private readonly input: Pick<RenderInput, 'source' | 'reader'>
  private readonly entries: readonly TreeEntry[]
  private readonly tree: CommitTree

  constructor(
    input: Pick<RenderInput, 'source' | 'reader'>,
    entries: readonly TreeEntry[],
    tree: CommitTree,
  ) {
    this.input = input
    this.entries = entries
    this.tree = tree
  }

  /** Takes the chart in folder `from` to folder `to`, with the charts that it depends on. Undefined where there is none. */
  async chart(
    from: string,
    to: string,
    depth: number,
  ): Promise<{ path: string; name: string; version: string } | undefined> {
    const path = join(from, 'Chart.yaml')
    const file = this.tree.look(path)
    if (file?.type !== 'file') return undefined
    this.folder(from, to)
    const { value: content } = await this.input.reader.blobs([file.entry]).next()
    const { documents, problems } = readDocuments((content as Buffer | undefined) ?? '', path)
    for (const { line, message } of problems) this.say(path, line, message)
    const [document] = documents
    const name = textOf(document?.value, 'name') ?? ''
    const version = textOf(document?.value, 'version') ?? ''
    const dependencies = fieldOf(document?.value, 'dependencies')
    for (const [index, dependency] of (Array.isArray(dependencies) ? dependencies : []).entries()) {
      const line = document?.lineAt(['dependencies', index]) ?? 0
      await this.dependency(dependency, { from, to, depth, file: path, line })
    }
    return { path, name, version }
  }

  private async dependency(
    dependency: Json,
    { from, to, depth, file, line }: { from: string; to: string; depth: number; file: string; line: number },
  ): Promise<void> {
    const name = textOf(dependency, 'name')
    if (name === undefined || name.includes('/')) return
    const inCharts = join(to, `charts/${name}`)
    const vendored = [...this.files.keys()].some(
      (path) =>
        path.startsWith(`${inCharts}/`) || (path.startsWith(`${inCharts}-`) && /-v?\d[^/]*\.tgz$/.test(path)),
    )
    if (vendored) return
    const repository = textOf(dependency, 'repository') ?? ''
    const folder = repository.startsWith('file://')
      ? this.tree.look(posix.normalize(join(from, repository.slice('file://'.length))))
      : undefined
    // What `helm dependency build` would put there.
    if (folder?.type === 'folder' && depth < MAX_DEPTH) {
      if (await this.chart(folder.path, inCharts, depth + 1)) return
    }
    const why =
      folder === undefined && repository !== '' ? `, and is fetched from ${repository.slice(0, 200)}` : ''
    this.say(
      file,
      line,
      `depends on ${name}, which is not in charts/${why}: that is not done here, so run helm dependency update and commit charts/`,
    )
  }

  /** Everything in a folder, links that stay in the repository included. */
  private folder(from: string, to: string): void {
    const prefix = from === '' ? '' : `${from}/`
    for (const entry of this.entries) {
      if (!entry.path.startsWith(prefix)) continue
      const target = join(to, entry.path.slice(prefix.length))
      if (entry.type === 'file') this.files.set(target, entry)
      else this.linked(entry, prefix)
    }
  }

  private linked({ path, type }: TreeEntry, prefix: string): void {
    if (type === 'submodule') return this.say(path, 0, 'is a submodule, which is not followed')
    const place = this.tree.look(path)
    if (place?.type === 'file') this.files.set(place.path, place.entry)
    else if (place?.type === 'folder') {
      // A link to a folder around itself has no end.
      if (!prefix.startsWith(place.path === '' ? '' : `${place.path}/`)) this.folder(place.path, place.path)
    } else
      this.say(path, 0, 'is a symbolic link that leads to nothing in this repository: it is not followed')
  }

  valuesFile(file: string, root: string, ignoreMissing: boolean): string[] {
    const path = posix.normalize(file.startsWith('/') ? file.slice(1) : join(root, file))
    const outside = file.includes('://') || path.startsWith('../')
    const place = outside ? undefined : this.tree.look(path)
    if (place?.type === 'file') {
      this.files.set(place.path, place.entry)
      return [place.path]
    }
    if (ignoreMissing && !outside) return []
    this.say(
      path,
      0,
      `is named by helm.values and ${outside || file.startsWith('/') ? 'is not in the repository' : 'does not exist'}`,
    )
    return []
  }

  checkSize(chartFile: string): void {
    const bytes = [...this.files.values()].reduce((sum, { size }) => sum + size, 0)
    if (bytes <= MAX_BYTES && this.files.size <= MAX_FILES) return
    this.say(
      chartFile,
      0,
      `is a chart of ${this.files.size} files and ${bytes} bytes: at most ${MAX_FILES} and ${MAX_BYTES} are rendered`,
    )
  }

  private say(file: string, line: number, message: string): void {
    this.problems.push({ source: this.input.source, file, line, message })
  }
}

function textOf(value: Json | undefined, key: string): string | undefined {
  const text = fieldOf(value, key)
  return typeof text === 'string' && text !== '' ? text : undefined
}

function join(folder: string, file: string): string {
  return folder === '' ? file : `${folder}/${file}`
}

function hashOf(what: unknown, files: ReadonlyMap<string, TreeEntry>): string {
  const hash = createHash('sha256').update(JSON.stringify(what))
  for (const file of [...files.keys()].sort()) hash.update(`${file}\0${files.get(file)?.oid ?? ''}\0`)
  return hash.digest('hex')
}
