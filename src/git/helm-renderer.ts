/** Renders a chart in the sandbox, twice, so that values which are made up each time are noticed. */
import type { Manifest, Problem } from '../model/desired.ts'
import type { Json } from '../model/json.ts'
import { refKey } from '../object/identity.ts'
import { stringifyJson } from '../object/json.ts'
import { GitError } from './git-error.ts'
import { helmChart } from './helm-chart.ts'
import type { HelmChart } from './helm-chart.ts'
import { finishedByFlux, fluxReleaseName, withFluxVersion } from './helm-flux.ts'
import { fileOf, lineOf, sourceOf } from './helm-origins.ts'
import { isHook, postRender } from './helm-post-render.ts'
import { randomObjects } from './helm-random.ts'
import { placeInFile, writtenObjects } from './kustomize-origins.ts'
import type { WrittenObject } from './kustomize-origins.ts'
import { readManifests } from './manifests.ts'
import { failureText, renderFailure } from './render-failure.ts'
import { secretsOf, valuesIn } from './render-secrets.ts'
import { readRendered } from './rendered-documents.ts'
import type { RenderedDocument } from './rendered-documents.ts'
import { findRenderer } from './renderer-program.ts'
import type { RenderInput, Rendered, Renderer } from './renderer.ts'
import { unchanged } from './rendering-reuse.ts'
import { stableHash } from './stable-hash.ts'
import { SandboxFolder } from './sandbox-folder.ts'
import { runInSandbox } from './sandbox.ts'
import { readDocuments } from './yaml.ts'

/** Helm's own rule for names of releases (pkg/chart/common/util, action.ValidateReleaseName). */
const RELEASE = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const RELEASE_LENGTH = 53

type Contents = ReadonlyMap<string, Buffer>

export class HelmRenderer implements Renderer {
  /** Milliseconds. */
  private readonly timeout: number | undefined

  constructor({ timeout }: { timeout?: number } = {}) {
    this.timeout = timeout
  }

  async render(input: RenderInput): Promise<Rendered> {
    const fail = (message: string) => renderFailure(input, [problem(input, input.path || '.', message)])
    const found = await findRenderer('helm', input.environment)
    if ('missing' in found) return fail(found.missing)
    const { flux, release: named = input.spec.name, texts = [] } = input.spec.helm ?? {}
    const release = flux === undefined ? named : fluxReleaseName(named)
    if (!RELEASE.test(release) || release.length > RELEASE_LENGTH) {
      return fail(
        `cannot be a release named ${JSON.stringify(release)}: set helm.release to at most ${RELEASE_LENGTH} lower case letters, digits, dashes and dots`,
      )
    }
    const kustomize = await kustomizeFor(input)
    if (kustomize !== undefined && 'missing' in kustomize) return fail(kustomize.missing)
    const newest = await helmChart(input)
    if ('problems' in newest) return renderFailure(input, newest.problems)
    const { chart, at } = await asReleased(input, newest)
    const options = optionsOf(input)
    const capabilities = capabilitiesOf(input)
    const hashWith = (more: readonly string[]) =>
      `helm ${found.program} ${chart.hash} ${stableHash([release, ...options, ...texts, stringifyJson(flux ?? null), ...more])}`
    // What the cluster serves counts for charts that look at it.
    const known = [hashWith([]), hashWith(capabilities)].find((hash) => hash === input.rendering?.inputs)
    const same = known === undefined ? undefined : unchanged(input, known)
    if (same) return same

    const folder = await SandboxFolder.make()
    try {
      const { contents, values } = await writeChart(at, chart, folder)
      const looks = looksAtTheCluster(contents)
      const run = async () => {
        const printed = await runInSandbox({
          program: found.program,
          folder: folder.path,
          args: (path) => [
            'template',
            release,
            path(`repository/${chart.root}`),
            ...values.flatMap((file) => ['--values', path(`repository/${file}`)]),
            ...options,
            ...(looks ? capabilities : []),
          ],
          timeout: this.timeout,
          signal: input.signal,
        })
        if (!printed.ok || kustomize === undefined) return printed
        const { kustomizations = [] } = flux ?? {}
        const { timeout } = this
        const { signal } = input
        return await postRender(printed.stdout, { ...kustomize, kustomizations, timeout, signal })
      }
      const [first, second] = await Promise.all([run(), run()])
      for (const one of [first, second])
        if (!one.ok) return renderFailure(input, [failure(at, chart, { message: one.message, contents })])
      if (!first.ok || !second.ok) throw new Error('unreachable')
      const documents = await readRendered(first.stdout, input.rendering?.documents)
      const again =
        first.stdout === second.stdout
          ? documents
          : await readRendered(second.stdout, new Map(byId(documents)))
      const read = new Reading(at, chart, contents, release).read(documents, again)
      const { name, version } = chart
      const rendering = {
        inputs: hashWith(looks ? capabilities : []),
        revision: input.revision,
        ...read,
        documents: new Map(byId(documents)),
        written: new Map(),
        chart: { name, version, revision: at.revision, generation: flux?.generation },
      }
      return { manifests: [...read.manifests], problems: [...read.problems], files: new Map(), rendering }
    } finally {
      await folder.remove()
    }
  }
}

/** The program that post-renderers are, where there are any. */
async function kustomizeFor({ spec, environment }: RenderInput) {
  const { kustomizations = [] } = spec.helm?.flux ?? {}
  return kustomizations.length === 0 ? undefined : await findRenderer('kustomize', environment)
}

/** The chart as Flux has it: where only another version makes a release, that of the commit which was read first with the version. */
async function asReleased(
  input: RenderInput,
  newest: HelmChart,
): Promise<{ chart: HelmChart; at: RenderInput }> {
  const before = input.rendering?.chart
  const flux = input.spec.helm?.flux
  const stays =
    flux?.follows === 'version' &&
    before?.name === newest.name &&
    before.version === newest.version &&
    before.generation === flux.generation &&
    before.revision !== input.revision
  if (!stays) return { chart: newest, at: input }
  const at = { ...input, revision: before.revision }
  try {
    const chart = await helmChart(at)
    if (!('problems' in chart)) return { chart, at }
  } catch (error) {
    // That commit is no longer there.
    if (!(error instanceof GitError)) throw error
  }
  return { chart: newest, at: input }
}

function optionsOf({ spec }: RenderInput): string[] {
  const { set = [], setString = [], skipCrds = false } = spec.helm ?? {}
  return [
    `--namespace=${spec.namespace ?? 'default'}`,
    ...(skipCrds ? [] : ['--include-crds']),
    ...set.map(([name, value]) => `--set=${name}=${escapeCommas(value)}`),
    ...setString.map(([name, value]) => `--set-string=${name}=${escapeCommas(value)}`),
  ]
}

function capabilitiesOf({ spec }: RenderInput): string[] {
  const { kubeVersion, apiVersions = [] } = spec.helm ?? {}
  return [
    ...(kubeVersion === undefined ? [] : [`--kube-version=${kubeVersion}`]),
    ...apiVersions.map((version) => `--api-versions=${version}`),
  ]
}

/** Whether it asks what the cluster is; what is in an archive may. */
function looksAtTheCluster(contents: Contents): boolean {
  for (const [file, content] of contents)
    if (/\.tgz$/.test(file) || content.includes('Capabilities') || content.includes('kubeVersion'))
      return true
  return false
}

/** No chart has a file of this name. */
function inlineValues(index: number): string {
  return `.gitops-guard-values-${index}.yaml`
}

/** As Argo CD does (util/helm, cleanSetParameters): a list in braces stays one. */
function escapeCommas(value: string): string {
  if (value.startsWith('{') && value.endsWith('}')) return value
  return value.replaceAll(/(?<!\\),/g, '\\,')
}

/** Values are files of the folder, in Helm's order: the last one wins. */
async function writeChart(
  { reader, revision, spec }: RenderInput,
  chart: HelmChart,
  folder: SandboxFolder,
): Promise<{ contents: Contents; values: string[] }> {
  const { files, links, root } = chart
  const { flux, texts = [] } = spec.helm ?? {}
  // Flux packs a chart with the values that it is told in place of the chart's own.
  const isReplaced = flux !== undefined && chart.values.length > 0
  const inRoot = (file: string) => (root === '' ? file : `${root}/${file}`)
  const contents = new Map<string, Buffer>()
  const blobs = reader.blobs([...files.values()])
  await folder.folder(root)
  for (const [file, { path }] of files) {
    const { value } = await blobs.next()
    if (!value) break
    contents.set(path, value)
    if (flux !== undefined && file === inRoot('Chart.yaml'))
      await folder.write(file, withFluxVersion(value.toString('utf8'), spec.helm!, revision))
    else await folder.write(file, isReplaced && file === inRoot('values.yaml') ? '{}' : value)
  }
  for (const [link, target] of links) await folder.link(link, target)
  const inline = isReplaced
    ? [...chart.values.map((file) => contents.get(file)?.toString('utf8') ?? ''), ...texts]
    : texts
  for (const [index, text] of inline.entries()) await folder.write(inlineValues(index), text)
  return {
    contents,
    values: [...(isReplaced ? [] : chart.values), ...inline.map((_, index) => inlineValues(index))],
  }
}

/** What was rendered, without Helm's hooks: they come and go, and are nobody's drift. */
class Reading {
  private readonly input: RenderInput
  private readonly chart: HelmChart
  private readonly contents: Contents
  private readonly release: string
  /** How many objects of a kind a template has given so far. */
  private readonly seen = new Map<string, number>()
  /** Files of CRDs, which Helm prints as they are. */
  private readonly crds = new Map<string, readonly WrittenObject[]>()

  constructor(input: RenderInput, chart: HelmChart, contents: Contents, release: string) {
    this.input = input
    this.chart = chart
    this.contents = contents
    this.release = release
  }

  read(
    documents: readonly RenderedDocument[],
    again: readonly RenderedDocument[],
  ): { manifests: Manifest[]; problems: Problem[] } {
    const { manifests, problems } = this.manifests(documents)
    if (documents === again) return { manifests, problems }
    const ids = new Set(again.map(({ id }) => id))
    const random = new Map(
      randomObjects(
        this.manifests(documents.filter(({ id }) => !ids.has(id))).manifests.map(({ object }) => object),
        this.manifests(again).manifests.map(({ object }) => object),
      ).map(({ key, message }) => [key, message]),
    )
    const kept: Manifest[] = []
    for (const manifest of manifests) {
      const message = random.get(refKey(manifest.ref))
      const { file, line } = manifest.origin
      if (message === undefined) kept.push(manifest)
      else problems.push({ source: this.input.source, file, line, message })
    }
    return { manifests: kept, problems }
  }

  private manifests(documents: readonly RenderedDocument[]): { manifests: Manifest[]; problems: Problem[] } {
    this.seen.clear()
    const { source, revision, path } = this.input
    const read: { manifests: Manifest[]; problems: Problem[] } = { manifests: [], problems: [] }
    let from: string | undefined
    for (const { values, error, comment } of documents) {
      // Documents of one CRD file have one comment for all.
      from = sourceOf(comment) ?? from
      const file =
        (from === undefined ? undefined : fileOf(from, this.chart)) ??
        `${path === '' ? '' : `${path}/`}Chart.yaml`
      if (error !== undefined)
        read.problems.push({ source, file, line: 0, message: `is rendered to what cannot be read: ${error}` })
      for (const rendered of values) {
        if (isHook(rendered)) continue
        const value = this.finished(rendered, from)
        if (value === undefined) continue
        const document = { value, line: 1, lineAt: () => 1, linesIn: () => '' }
        const one = readManifests([document], { source, file, revision })
        read.problems.push(...one.problems.map((problem) => ({ ...problem, line: 0 })))
        read.manifests.push(...one.manifests.map((manifest) => this.placed(manifest, file, from)))
      }
    }
    return read
  }

  private finished(value: Json, from: string | undefined): Json | undefined {
    const { helm, namespace = 'default' } = this.input.spec
    if (helm?.flux === undefined) return value
    const isCrd = from?.includes('/crds/') === true
    return finishedByFlux(value, helm.flux, { release: this.release, namespace, isCrd })
  }

  private placed({ ref, object, hash }: Manifest, file: string, from: string | undefined): Manifest {
    const { source, revision } = this.input
    const text = this.contents.get(file)?.toString('utf8') ?? ''
    if (from?.includes('/crds/')) {
      const objects =
        this.crds.get(file) ??
        writtenObjects(
          readManifests(readDocuments(text, file).documents, { source, file, revision }).manifests,
        )
      this.crds.set(file, objects)
      const { line, approximate, written } = placeInFile({ ref, object }, file, objects)
      const origin = { file, line, revision, ...(approximate ? { approximate } : {}) }
      return { ref, object, hash, origin, ...(written ? { written } : {}) }
    }
    const key = `${file}\n${ref.kind}`
    const nth = this.seen.get(key) ?? 0
    this.seen.set(key, nth + 1)
    const line = file.endsWith('.tgz') ? 1 : lineOf({ ref }, text, nth)
    return { ref, object, hash, origin: { file, line, revision, approximate: true } }
  }
}

/** Helm names the template and the line where it can. */
function failure(
  input: RenderInput,
  chart: HelmChart,
  { message, contents }: { message: string; contents: Contents },
): Problem {
  const texts = [...contents]
    .filter(([file]) => /\.ya?ml$/.test(file))
    .map(([, content]) => content.toString('utf8'))
  const { texts: inline = [], set = [], setString = [], flux } = input.spec.helm ?? {}
  const values = [...set, ...setString].map(([, value]) => value).filter((value) => value.length >= 4)
  const secrets = [...(flux?.secrets ?? []).flatMap(valuesIn), ...secretsOf([...texts, ...inline])]
  const said = failureText(message, [...values, ...secrets])
  const [, named = '', line = '0'] = /([\w./-]+\.(?:ya?ml|tpl|txt|json)):(\d+)/.exec(said) ?? []
  const file = named === '' ? undefined : fileOf(named, chart)
  const place = file ?? `${input.path === '' ? '' : `${input.path}/`}Chart.yaml`
  return { ...problem(input, place, `helm template: ${said}`), line: file === undefined ? 0 : Number(line) }
}

function problem({ source }: RenderInput, file: string, message: string): Problem {
  return { source, file, line: 0, message }
}

function byId(documents: readonly RenderedDocument[]): [string, RenderedDocument][] {
  return documents.map((document) => [document.id, document])
}
