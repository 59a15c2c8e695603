/** Renders a chart in the sandbox, twice, so that values which are made up each time are noticed. */
import type { Manifest, Problem } from '../model/desired.ts'
import type { Json } from '../model/json.ts'
import { refKey } from '../object/identity.ts'
import { fieldOf } from '../object/json.ts'
import { helmChart } from './helm-chart.ts'
import type { HelmChart } from './helm-chart.ts'
import { fileOf, lineOf, sourceOf } from './helm-origins.ts'
import { randomObjects } from './helm-random.ts'
import { placeInFile, writtenObjects } from './kustomize-origins.ts'
import type { WrittenObject } from './kustomize-origins.ts'
import { readManifests } from './manifests.ts'
import { failureText, renderFailure } from './render-failure.ts'
import { secretsOf } from './render-secrets.ts'
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
    const release = input.spec.helm?.release ?? input.spec.name
    if (!RELEASE.test(release) || release.length > RELEASE_LENGTH) {
      return fail(
        `cannot be a release named ${JSON.stringify(release)}: set helm.release to at most ${RELEASE_LENGTH} lower case letters, digits, dashes and dots`,
      )
    }
    const chart = await helmChart(input)
    if ('problems' in chart) return renderFailure(input, chart.problems)
    const options = optionsOf(input)
    const { texts = [] } = input.spec.helm ?? {}
    const hash = `helm ${found.program} ${chart.hash} ${stableHash([release, ...options, ...texts])}`
    const same = unchanged(input, hash)
    if (same) return same

    const folder = await SandboxFolder.make()
    try {
      const contents = await writeChart(input, chart, folder)
      for (const [index, text] of texts.entries()) await folder.write(inlineValues(index), text)
      const run = () =>
        runInSandbox({
          program: found.program,
          folder: folder.path,
          args: (path) => [
            'template',
            release,
            path(`repository/${chart.root}`),
            ...[...chart.values, ...texts.map((_, index) => inlineValues(index))].flatMap((file) => [
              '--values',
              path(`repository/${file}`),
            ]),
            ...options,
          ],
          timeout: this.timeout,
          signal: input.signal,
        })
      const [first, second] = await Promise.all([run(), run()])
      if (!first.ok)
        return renderFailure(input, [failure(input, chart, { message: first.message, contents })])
      if (!second.ok)
        return renderFailure(input, [failure(input, chart, { message: second.message, contents })])
      const documents = await readRendered(first.stdout, input.rendering?.documents)
      const again =
        first.stdout === second.stdout
          ? documents
          : await readRendered(second.stdout, new Map(byId(documents)))
      const read = new Reading(input, chart, contents).read(documents, again)
      const rendering = {
        inputs: hash,
        revision: input.revision,
        ...read,
        documents: new Map(byId(documents)),
        written: new Map(),
      }
      return { manifests: [...read.manifests], problems: [...read.problems], files: new Map(), rendering }
    } finally {
      await folder.remove()
    }
  }
}

function optionsOf({ spec }: RenderInput): string[] {
  const { kubeVersion, apiVersions = [], set = [], setString = [], skipCrds = false } = spec.helm ?? {}
  return [
    `--namespace=${spec.namespace ?? 'default'}`,
    ...(skipCrds ? [] : ['--include-crds']),
    ...set.map(([name, value]) => `--set=${name}=${escapeCommas(value)}`),
    ...setString.map(([name, value]) => `--set-string=${name}=${escapeCommas(value)}`),
    ...(kubeVersion === undefined ? [] : [`--kube-version=${kubeVersion}`]),
    ...apiVersions.map((version) => `--api-versions=${version}`),
  ]
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

async function writeChart({ reader }: RenderInput, { files, links, root }: HelmChart, folder: SandboxFolder) {
  const contents = new Map<string, Buffer>()
  const blobs = reader.blobs([...files.values()])
  await folder.folder(root)
  for (const [file, { path }] of files) {
    const { value } = await blobs.next()
    if (!value) break
    contents.set(path, value)
    await folder.write(file, value)
  }
  for (const [link, target] of links) await folder.link(link, target)
  return contents
}

/** What was rendered, without Helm's hooks: they come and go, and are nobody's drift. */
class Reading {
  private readonly input: RenderInput
  private readonly chart: HelmChart
  private readonly contents: Contents
  /** How many objects of a kind a template has given so far. */
  private readonly seen = new Map<string, number>()
  /** Files of CRDs, which Helm prints as they are. */
  private readonly crds = new Map<string, readonly WrittenObject[]>()

  constructor(input: RenderInput, chart: HelmChart, contents: Contents) {
    this.input = input
    this.chart = chart
    this.contents = contents
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
      for (const value of values) {
        if (isHook(value)) continue
        const document = { value, line: 1, lineAt: () => 1, linesIn: () => '' }
        const one = readManifests([document], { source, file, revision })
        read.problems.push(...one.problems.map((problem) => ({ ...problem, line: 0 })))
        read.manifests.push(...one.manifests.map((manifest) => this.placed(manifest, file, from)))
      }
    }
    return read
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

function isHook(value: Json): boolean {
  return fieldOf(fieldOf(fieldOf(value, 'metadata'), 'annotations'), 'helm.sh/hook') !== undefined
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
  const { texts: inline = [], set = [], setString = [] } = input.spec.helm ?? {}
  const values = [...set, ...setString].map(([, value]) => value).filter((value) => value.length >= 4)
  const said = failureText(message, [...values, ...secretsOf([...texts, ...inline])])
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
