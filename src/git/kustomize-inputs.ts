/** Finds every file of a commit that building a kustomization reads, and what in it is not done. */
import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import type { Problem } from '../model/desired.ts'
import type { Json } from '../model/json.ts'
import { stringifyJson } from '../object/json.ts'
import { kustomizationReferences, pluginReferences } from './kustomize-references.ts'
import type { Reference } from './kustomize-references.ts'
import { editKustomization } from './kustomize-edit.ts'
import { generateKustomization } from './kustomize-generate.ts'
import { CommitTree } from './kustomize-tree.ts'
import type { CommitReader, RenderInput } from './renderer.ts'
import type { KustomizeSpec } from './source-spec.ts'
import type { TreeEntry } from './tree.ts'
import { readDocuments } from './yaml.ts'
import type { YamlDocument } from './yaml.ts'

export const KUSTOMIZATION_FILES = ['kustomization.yaml', 'kustomization.yml', 'Kustomization']

/** Bytes in all, and files: far more than people's kustomizations read. */
const MAX_BYTES = 256 * 1024 * 1024
const MAX_FILES = 50_000

export interface KustomizeInputs {
  tree: CommitTree
  /** The folder that is built, links resolved. */
  root: string
  /** Its kustomization file. */
  rootFile: string
  /** What is built in place of that file's content, where the agent adds to it or generates it. */
  rootContent: string | undefined
  files: ReadonlyMap<string, TreeEntry>
  /** Symbolic links on the way to them, by the place that each leads to. */
  links: ReadonlyMap<string, string>
  /** Kustomization files as read. */
  kustomizations: ReadonlyMap<string, { content: Buffer; document: YamlDocument }>
  /** Files whose content becomes Secrets. */
  secrets: ReadonlySet<string>
  /** Of the names and contents of all files. */
  hash: string
}

/** Problems: why it cannot be built. Throws GitError `corrupt`. */
export async function kustomizeInputs(
  input: Pick<RenderInput, 'source' | 'revision' | 'path' | 'reader' | 'spec'>,
): Promise<KustomizeInputs | { problems: Problem[] }> {
  const { reader, revision, path } = input
  const tree = await CommitTree.of(await reader.files(revision, ''), reader)
  const search = new Search(input.source, tree, { reader, kustomize: input.spec.kustomize })
  return await search.run(path)
}

interface Folder {
  path: string
  /** Generators or transformers are taken from it. */
  plugins?: boolean | undefined
}

/** What is to be read next. */
interface Lists {
  next: Folder[]
  plugins: TreeEntry[]
}

class Search {
  private readonly source: string
  private readonly tree: CommitTree
  private readonly reader: CommitReader
  private readonly files = new Map<string, TreeEntry>()
  private readonly kustomizations = new Map<string, { content: Buffer; document: YamlDocument }>()
  private readonly secrets = new Set<string>()
  private readonly problems: Problem[] = []
  private readonly seen = new Set<string>()
  private readonly kustomize: KustomizeSpec
  private root = { folder: '', file: '' }
  private rootContent: string | undefined

  constructor(
    source: string,
    tree: CommitTree,
    { reader, kustomize = {} }: { reader: CommitReader; kustomize: KustomizeSpec | undefined },
  ) {
    this.source = source
    this.tree = tree
    this.reader = reader
    this.kustomize = kustomize
  }

  async run(path: string): Promise<KustomizeInputs | { problems: Problem[] }> {
    const root = this.tree.look(path)
    if (root?.type !== 'folder') {
      this.say(
        path || '.',
        0,
        'is no folder: a source that kustomize renders is a folder with a kustomization.yaml',
      )
      return { problems: this.problems }
    }
    const rootFile = this.kustomizationIn(root.path)
    if (!rootFile && this.kustomize.generate !== true) {
      this.say(path || '.', 0, `has no kustomization.yaml: add one, or say renderer: plain`)
      return { problems: this.problems }
    }
    this.root = { folder: root.path, file: rootFile ?? join(root.path, 'kustomization.yaml') }
    let folders: Folder[] = rootFile ? [{ path: root.path }] : this.generate()
    // One read for each depth of references.
    while (folders.length > 0 && this.problems.length === 0) folders = await this.readFolders(folders)
    const bytes = [...this.files.values()].reduce((sum, { size }) => sum + size, 0)
    if (bytes > MAX_BYTES || this.files.size > MAX_FILES) {
      this.say(
        this.root.file,
        0,
        `reads ${this.files.size} files of ${bytes} bytes: at most ${MAX_FILES} of ${MAX_BYTES} are`,
      )
    }
    if (this.problems.length > 0) return { problems: this.problems }
    const { tree, files, kustomizations, secrets, rootContent } = this
    const links = new Map(tree.followed)
    return {
      tree,
      root: root.path,
      rootFile: this.root.file,
      rootContent,
      files,
      links,
      kustomizations,
      secrets,
      hash: hashOf([path, rootContent ?? ''], files, links),
    }
  }

  /** Returns the folders that these refer to. */
  private async readFolders(folders: readonly Folder[]): Promise<Folder[]> {
    const found: { entry: TreeEntry; plugins: boolean }[] = []
    for (const { path, plugins = false } of folders) {
      const key = `${plugins} ${path}`
      if (this.seen.has(key)) continue
      this.seen.add(key)
      const file = this.kustomizationIn(path)
      const entry = file === undefined ? undefined : this.tree.entry(file)
      if (entry) found.push({ entry, plugins })
    }
    const next: Folder[] = []
    const contents = this.reader.blobs(found.map(({ entry }) => entry))
    const plugins: TreeEntry[] = []
    for (const kustomization of found) {
      const { value: content } = await contents.next()
      if (content) this.readKustomization(kustomization, content, { next, plugins })
    }
    const configurations = this.reader.blobs(plugins)
    for (const { path } of plugins) {
      const { value } = await configurations.next()
      if (!value) continue
      const { references, refused } = pluginReferences(value)
      for (const { message } of refused) this.say(path, 1, message)
      for (const reference of references) this.follow(reference, path, 1, { next, plugins: [] })
    }
    return next
  }

  private readKustomization(
    { entry, plugins }: { entry: TreeEntry; plugins: boolean },
    content: Buffer,
    lists: Lists,
  ): void {
    const { documents, problems } = readDocuments(content, entry.path)
    for (const { line, message } of problems) this.say(entry.path, line, message)
    const [document, another] = documents
    if (another) this.say(entry.path, another.line, 'holds more than one document: a kustomization is one')
    if (!document) {
      if (problems.length === 0) this.say(entry.path, 0, 'is empty')
      return
    }
    this.files.set(entry.path, entry)
    this.kustomizations.set(entry.path, { content, document })
    const value = entry.path === this.root.file ? this.edited(document.value) : document.value
    const { references, refused } = kustomizationReferences(value)
    for (const { message, at } of refused) this.say(entry.path, document.lineAt(at), message)
    for (const reference of references) {
      // The resources of a folder that generators or transformers come from are their configurations.
      const asPlugins = plugins && (reference.to !== 'file' || reference.plugins === true)
      this.follow(
        asPlugins ? { ...reference, plugins: true } : reference,
        entry.path,
        document.lineAt(reference.at),
        lists,
      )
    }
  }

  /** The kustomization that Flux makes for a folder without one. Returns the folders that it refers to. */
  private generate(): Folder[] {
    const { folder, file } = this.root
    const generated = generateKustomization(
      folder,
      this.tree,
      (name) => this.kustomizationIn(name) !== undefined,
    )
    const value = this.edited(generated)
    const document = { value, line: 1, lineAt: () => 1, linesIn: () => '' }
    this.kustomizations.set(file, { content: Buffer.from(stringifyJson(value)), document })
    const lists: Lists = { next: [], plugins: [] }
    for (const reference of kustomizationReferences(value).references) this.follow(reference, file, 0, lists)
    return lists.next
  }

  private edited(value: Json): Json {
    const { edit, generate } = this.kustomize
    if (edit === undefined && generate !== true) return value
    const { folder } = this.root
    const result = editKustomization(
      value,
      edit ?? {},
      (name) => this.tree.look(join(folder, name))?.type === 'folder',
    )
    if (result !== value) this.rootContent = stringifyJson(result)
    return result
  }

  private follow({ path, to, plugins, secret }: Reference, file: string, line: number, lists: Lists): void {
    const folder = posix.dirname(file) === '.' ? '' : posix.dirname(file)
    const joined = posix.normalize(posix.join(folder || '.', path))
    const say = (why: string) =>
      this.say(file, line, `refers to ${JSON.stringify(path.slice(0, 200))}, ${why}`)
    const outside = path.startsWith('/') || joined === '..' || joined.startsWith('../')
    // As kustomize does: the path is put together first, links are resolved then.
    const place = outside ? undefined : this.tree.look(joined === '.' ? '' : joined)
    if (place === undefined) {
      if (isRemote(path))
        return say('which is fetched from elsewhere: that is not done, so keep a copy in this repository')
      return say(
        outside
          ? 'which leaves the repository'
          : 'which does not exist in the repository, or is a link out of it',
      )
    }
    if (place.type === 'submodule') return say('which is a submodule: these are not followed')
    if (place.type === 'file') {
      if (to === 'folder') return say('which is no folder')
      this.files.set(place.path, place.entry)
      if (secret) this.secrets.add(place.path)
      if (plugins) lists.plugins.push(place.entry)
      return
    }
    if (to === 'file') return say('which is a folder: a file is needed here')
    if (!this.kustomizationIn(place.path)) return say('which is a folder without a kustomization.yaml')
    lists.next.push({ path: place.path, plugins })
  }

  private kustomizationIn(folder: string): string | undefined {
    const names = KUSTOMIZATION_FILES.map((name) => (folder === '' ? name : `${folder}/${name}`))
    for (const name of names) {
      const place = this.tree.look(name)
      if (place?.type === 'file') return place.path
    }
    return undefined
  }

  private say(file: string, line: number, message: string): void {
    this.problems.push({ source: this.source, file, line, message })
  }
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}

/** What kustomize takes for a repository or a URL (api/internal/git/repospec.go), as far as it is needed to say so. */
function isRemote(path: string): boolean {
  return (
    /^[a-z][a-z0-9+.-]*:/i.test(path) ||
    /^[\w.-]+@[\w.-]+:/.test(path) ||
    /^(github\.com|gitlab\.com|bitbucket\.org|[\w-]+(\.[\w-]+)+\/)/.test(path) ||
    /[?&](ref|version)=|\.git(\/|\?|$)|\/\/|_git\//.test(path)
  )
}

function hashOf(
  what: readonly string[],
  files: ReadonlyMap<string, TreeEntry>,
  links: ReadonlyMap<string, string>,
): string {
  const hash = createHash('sha256').update(JSON.stringify([what, [...links].sort()]))
  for (const file of [...files.keys()].sort()) hash.update(`${file}\0${files.get(file)?.oid ?? ''}\0`)
  return hash.digest('hex')
}
