/** Every .yaml, .yml and .json file under the path is manifests as they are. */
import { setImmediate } from 'node:timers/promises'
import type { Manifest, Problem } from '../model/desired.ts'
import { refKey } from '../object/identity.ts'
import { readManifests } from './manifests.ts'
import type { LoadedFile, RenderInput, Rendered, Renderer } from './renderer.ts'
import { compilePathGlob } from './glob.ts'
import type { DirectorySpec } from './source-spec.ts'
import type { TreeEntry } from './tree.ts'
import { readDocuments } from './yaml.ts'

/** Bytes. The API server takes objects up to 3 MiB; a bundle of many can be larger. */
const MAX_FILE = 32 * 1024 * 1024
/** Milliseconds of parsing after which others get their turn. */
const TURN = 10

/** Other tools' own files, by name. */
const NOT_MANIFESTS = /^(kustomization\.ya?ml|Kustomization)$/
/** Nobody's manifests: .github/, .sops.yaml, .gitlab-ci.yml, ... */
const HIDDEN = /(^|\/)\.[^/]/

export class PlainRenderer implements Renderer {
  async render(input: RenderInput): Promise<Rendered> {
    const { entries, problems } = select(input)
    await setImmediate()
    const read = await readFiles(input, entries)
    await setImmediate()
    const manifests: Manifest[] = []
    for (const { path } of entries) {
      const file = read.get(path)
      if (!file) continue
      manifests.push(...file.manifests)
      problems.push(...file.problems)
    }
    return { manifests, problems, files: read }
  }
}

/** The files to read, and why others are not. */
function select({ source, path, entries, spec }: RenderInput): { entries: TreeEntry[]; problems: Problem[] } {
  const charts = chartFolders(entries)
  const problems: Problem[] = []
  const say = (file: string, message: string) => problems.push({ source, file, line: 0, message })
  for (const chart of spec.directory === undefined ? charts : []) {
    say(
      `${chart}Chart.yaml`,
      'is a Helm chart, whose templates are no manifests: not read. Make it a source of its own',
    )
  }
  const isWanted = wantedBy(spec.directory)
  const folders = spec.directory === undefined ? [...charts] : []
  const inChart = (file: string) => folders.some((chart) => file.startsWith(chart))
  const selected = entries.filter((entry) => {
    const inside = entry.path.slice(path === '' ? 0 : path.length)
    const name = entry.path.slice(entry.path.lastIndexOf('/') + 1)
    if (!isWanted(inside.replace(/^\//, ''))) return false
    if ((spec.directory === undefined && HIDDEN.test(inside)) || inChart(entry.path)) return false
    if (spec.directory !== undefined && entry.path.endsWith('.jsonnet')) {
      say(entry.path, 'is Jsonnet, which is not evaluated: what it gives is not guarded')
      return false
    }
    if (entry.type === 'submodule') {
      say(entry.path, 'is a submodule, which is not followed: make it a source of its own')
      return false
    }
    if (!/\.(ya?ml|json)$/.test(name)) return false
    if (NOT_MANIFESTS.test(name)) return false
    if (entry.type === 'symlink') {
      say(entry.path, 'is a symbolic link, which is not followed: put the file itself here')
      return false
    }
    return true
  })
  return { entries: selected, problems }
}

/** As Argo CD goes through a directory (reposerver/repository, getPotentiallyValidManifestFile). */
function wantedBy(directory: DirectorySpec | undefined): (file: string) => boolean {
  if (directory === undefined) return () => true
  const { recurse, include = '', exclude = '' } = directory
  const [includes, excludes] = [compilePathGlob(include), compilePathGlob(exclude)]
  return (file) =>
    (recurse || !file.includes('/')) &&
    (exclude === '' || !excludes.test(file)) &&
    (include === '' || includes.test(file))
}

/** Folders that hold a Chart.yaml, with a slash at the end. */
function chartFolders(entries: readonly TreeEntry[]): Set<string> {
  const found = entries.filter(({ path }) => /(^|\/)Chart\.yaml$/.test(path))
  return new Set(found.map(({ path }) => path.slice(0, -'Chart.yaml'.length)))
}

async function readFiles(
  input: RenderInput,
  entries: readonly TreeEntry[],
): Promise<Map<string, LoadedFile>> {
  const { previous, reader, revision } = input
  const files = new Map<string, LoadedFile>()
  const changed: TreeEntry[] = []
  for (const entry of entries) {
    const known = previous?.get(entry.path)
    if (known?.oid === entry.oid) files.set(entry.path, atRevision(known, revision))
    else if (entry.size > MAX_FILE) files.set(entry.path, tooLarge(input, entry))
    else changed.push(entry)
  }
  const contents = reader.blobs(changed)
  let turn = performance.now()
  for (const entry of changed) {
    const { value } = await contents.next()
    if (!value) break
    files.set(entry.path, readFile(input, entry, value))
    if (performance.now() - turn < TURN) continue
    await setImmediate()
    turn = performance.now()
  }
  return files
}

/** One file's manifests. Where it is broken, objects that it declared before stay in force, as they do for every agent. */
export function readFile(
  input: Pick<RenderInput, 'source' | 'revision' | 'previous'>,
  entry: TreeEntry,
  content: Buffer,
): LoadedFile {
  const { source, revision, previous } = input
  const origin = { source, file: entry.path, revision }
  if (content.subarray(0, 40).toString('latin1').startsWith('version https://git-lfs.github.com/')) {
    const message = 'is kept in Git LFS, which is not fetched: commit the file itself'
    return loaded(entry, [], [{ source, file: entry.path, line: 1, message }])
  }
  const { documents, problems, notes } = readDocuments(content, entry.path, { endLastLine: true })
  const read = readManifests(documents, origin)
  const all = [...[...problems, ...notes].map((problem) => ({ source, ...problem })), ...read.problems]
  if (problems.length === 0 && !read.broken) return loaded(entry, read.manifests, all)

  const before = previous?.get(entry.path)
  if (!before || before.manifests.length === 0) return loaded(entry, read.manifests, all)
  const present = new Set(read.manifests.map(({ ref }) => refKey(ref)))
  const kept = before.manifests.filter(({ ref }) => !present.has(refKey(ref)))
  const since = before.fallback?.revision ?? before.manifests[0]?.origin.revision ?? revision
  return {
    ...loaded(
      entry,
      [...read.manifests, ...kept],
      all.map((problem) => withKept(problem, kept.length, since)),
    ),
    fallback: before.fallback ?? { oid: before.oid, size: before.size, revision: since },
  }
}

function withKept(problem: Problem, kept: number, revision: string): Problem {
  if (kept === 0) return problem
  const what = kept === 1 ? 'an object' : `${kept} objects`
  return {
    ...problem,
    message: `${problem.message} (${what} of this file stay as in commit ${revision.slice(0, 12)})`,
  }
}

function loaded(entry: TreeEntry, manifests: Manifest[], problems: Problem[]): LoadedFile {
  return { oid: entry.oid, size: entry.size, manifests, problems }
}

function tooLarge({ source }: RenderInput, entry: TreeEntry): LoadedFile {
  const message = `is ${entry.size} bytes large, and at most ${MAX_FILE} are read`
  return loaded(entry, [], [{ source, file: entry.path, line: 0, message }])
}

/** The same manifests at another commit; those that stay from an older one stay so. */
function atRevision(file: LoadedFile, revision: string): LoadedFile {
  const old = file.fallback?.revision
  const manifests = file.manifests.map((manifest) =>
    manifest.origin.revision === old ? manifest : { ...manifest, origin: { ...manifest.origin, revision } },
  )
  return { ...file, manifests }
}
