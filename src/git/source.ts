/** Loads a source: what it declares at one commit. */
import { setImmediate } from 'node:timers/promises'
import type { DesiredState, Problem } from '../model/desired.ts'
import { ArtifactReader } from './artifact-reader.ts'
import { GitError } from './git-error.ts'
import { HelmRenderer } from './helm-renderer.ts'
import { KUSTOMIZATION_FILES } from './kustomize-inputs.ts'
import { KustomizeRenderer } from './kustomize-renderer.ts'
import { PlainRenderer } from './plain-renderer.ts'
import type { LoadedFile, RenderInput, Rendered, Renderer, Rendering } from './renderer.ts'
import { readCodeowners } from './read-codeowners.ts'
import type { CommitInfo, Repository } from './repository.ts'
import { renderFailure } from './render-failure.ts'
import { placeManifests } from './scope.ts'
import type { RendererName, SourceSpec } from './source-spec.ts'
import type { TreeEntry } from './tree.ts'
import { verifyCommit } from './verify.ts'

/** A desired state with what makes loading the next commit cheap. */
export interface LoadedSource extends DesiredState {
  commit: CommitInfo
  files: ReadonlyMap<string, LoadedFile>
  /** Where a program rendered it. */
  rendering?: Rendering | undefined
}

/** What of an earlier commit is used again. */
export type Previous = Pick<LoadedSource, 'files' | 'rendering'>

/**
 * Fetches the source's ref and loads its tip. A file that cannot be used becomes a problem, the rest goes on; files that are
 * the same as in `previous` are not read again. Throws GitError: `missing` for a ref or path that is not there, `unsigned`, and
 * what a fetch can throw.
 */
export async function loadSource(
  spec: SourceSpec,
  repository: Repository,
  previous?: Previous,
  signal?: AbortSignal,
): Promise<LoadedSource> {
  const revision = await repository.fetch(spec.ref, signal)
  try {
    return await loadRevision(spec, repository, revision, previous, signal)
  } catch (error) {
    if (!(error instanceof GitError) || error.reason !== 'corrupt') throw error
    const again = await repository.fetchAnew(spec.ref, signal)
    return await loadRevision(spec, repository, again, previous, signal)
  }
}

/** The same for a commit that was fetched before: asks no server. */
export async function loadRevision(
  spec: SourceSpec,
  repository: Repository,
  revision: string,
  previous?: Previous,
  signal?: AbortSignal,
): Promise<LoadedSource> {
  const path = normalizePath(spec.path)
  if (spec.verify) await verifyCommit(repository, revision, spec.verify.keys)
  const reader = spec.ignore ? new ArtifactReader(repository, spec.ignore.patterns) : repository
  const [commit, entries, codeowners] = await Promise.all([
    repository.commitInfo(revision),
    reader.files(revision, path),
    readCodeowners(repository, revision),
  ])
  if (entries.length === 0 && path !== '') {
    throw new GitError(
      'missing',
      `source ${spec.name}: there is no ${path} in ${repository.display} at ${revision.slice(0, 12)}`,
    )
  }
  const input = {
    source: spec.name,
    spec,
    revision,
    path,
    entries,
    reader,
    previous: previous?.files,
    rendering: previous?.rendering,
    environment: repository.variables,
    signal,
  }
  // Tens of thousands of files take their time at each step: others get a turn in between.
  await setImmediate()
  const refused = refusal(spec, input)
  const rendered =
    refused === undefined ? await render(spec.renderer, input) : renderFailure(input, [refused])
  await setImmediate()
  const placed = placeManifests(rendered.manifests, { source: spec.name, namespace: spec.namespace })
  const notes = (spec.notes ?? []).map((message) => ({
    source: spec.name,
    file: path || '.',
    line: 0,
    message,
  }))
  return {
    source: spec.name,
    revision,
    repository: repository.display,
    manifests: placed.manifests,
    problems: [...notes, ...rendered.problems, ...placed.problems].sort(byPlace),
    committedAt: commit.committedAt,
    loadedAt: Date.now(),
    codeowners,
    commit,
    files: rendered.files,
    rendering: rendered.rendering,
  }
}

/** '' for the root. Throws GitError `refused` for a path that leaves the repository. */
export function normalizePath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..') || path.includes('\0')) {
    throw new GitError('refused', `path ${JSON.stringify(path)} leaves the repository`)
  }
  return parts.join('/')
}

const RENDERERS: { readonly [name in Exclude<RendererName, 'auto'>]: Renderer } = {
  plain: new PlainRenderer(),
  kustomize: new KustomizeRenderer(),
  helm: new HelmRenderer(),
}

/** What lies there and is not heeded would make other manifests of it. */
function refusal({ refuses = [] }: SourceSpec, { source, path, entries }: RenderInput): Problem | undefined {
  const found = entries.find((entry) =>
    refuses.some((name) => entry.path === (path === '' ? name : `${path}/${name}`)),
  )
  if (found === undefined) return undefined
  return {
    source,
    file: found.path,
    line: 0,
    message: 'changes how this is rendered, which is not done here: it is not guarded',
  }
}

async function render(name: RendererName, input: RenderInput): Promise<Rendered> {
  const [only] = input.entries
  if (input.entries.length === 1 && only?.path === input.path && only.type !== 'file') {
    const message = `is a ${only.type === 'symlink' ? 'symbolic link' : 'submodule'}, which is not followed`
    return nothing(input, message)
  }
  return await RENDERERS[name === 'auto' ? detect(input) : name].render(input)
}

/** By what lies at the source's path itself, as Flux and Argo CD do. */
function detect({
  path,
  entries,
}: {
  path: string
  entries: readonly TreeEntry[]
}): Exclude<RendererName, 'auto'> {
  const prefix = path === '' ? '' : `${path}/`
  const here = new Set(entries.map((entry) => entry.path))
  const has = (name: string) => here.has(`${prefix}${name}`)
  if (KUSTOMIZATION_FILES.some(has)) return 'kustomize'
  return has('Chart.yaml') ? 'helm' : 'plain'
}

function nothing({ source, path }: RenderInput, message: string): Rendered {
  const problem: Problem = { source, file: path || '.', line: 0, message }
  return { manifests: [], problems: [problem], files: new Map() }
}

function byPlace(a: Problem, b: Problem): number {
  return a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1
}
