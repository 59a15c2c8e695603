/** Builds a kustomization in the sandbox, and finds where in Git each object of it is written. */
import { dirname } from 'node:path'
import type { Manifest, Problem } from '../model/desired.ts'
import type { Json } from '../model/json.ts'
import { parseJson, stringifyJson } from '../object/json.ts'
import { withoutEncrypted } from './encrypted.ts'
import { SubstitutionError } from './envsubst.ts'
import { finished, substitution } from './kustomize-afterwards.ts'
import { kustomizeInputs } from './kustomize-inputs.ts'
import type { KustomizeInputs } from './kustomize-inputs.ts'
import { withOrigins } from './kustomize-metadata.ts'
import { placeInFile, placeInKustomization, takeOrigin, writtenObjects } from './kustomize-origins.ts'
import type { KustomizeOrigin, PlaceInGit, WrittenObject } from './kustomize-origins.ts'
import { readManifests } from './manifests.ts'
import { failureText, renderFailure } from './render-failure.ts'
import { linesOf, secretsOf } from './render-secrets.ts'
import { readRendered } from './rendered-documents.ts'
import type { BuiltDocument, RenderedDocument } from './rendered-documents.ts'
import { findRenderer } from './renderer-program.ts'
import type { RenderInput, Rendered, Renderer } from './renderer.ts'
import { unchanged } from './rendering-reuse.ts'
import { SandboxFolder } from './sandbox-folder.ts'
import { runInSandbox } from './sandbox.ts'
import type { SourceSpec } from './source-spec.ts'
import { stableHash } from './stable-hash.ts'
import type { YamlDocument } from './yaml.ts'
import { readDocuments } from './yaml.ts'

export class KustomizeRenderer implements Renderer {
  /** Milliseconds. */
  private readonly timeout: number | undefined

  constructor({ timeout }: { timeout?: number } = {}) {
    this.timeout = timeout
  }

  async render(input: RenderInput): Promise<Rendered> {
    const found = await findRenderer('kustomize', input.environment)
    if ('missing' in found) return renderFailure(input, [problem(input, input.path || '.', found.missing)])
    const inputs = await kustomizeInputs(input)
    if ('problems' in inputs) return renderFailure(input, inputs.problems)
    const hash = `kustomize ${found.program} ${inputs.hash} ${stableHash(afterwards(input.spec))}`
    const same = unchanged(input, hash)
    if (same) return same

    const folder = await SandboxFolder.make()
    try {
      const { contents, asked } = await writeInputs(input, inputs, folder)
      const { ok, stdout, message } = await runInSandbox({
        program: found.program,
        folder: folder.path,
        args: (path) => [
          'build',
          path(`repository/${inputs.root}`),
          '--load-restrictor',
          'LoadRestrictionsNone',
        ],
        timeout: this.timeout,
        signal: input.signal,
      })
      if (!ok) {
        const said = failureText(message, secretValues(inputs, contents))
        return renderFailure(input, [problem(input, inputs.rootFile, `kustomize build: ${said}`)])
      }
      const documents = await this.documents(stdout, input, inputs, asked)
      if ('problems' in documents) return renderFailure(input, documents.problems)
      const placing = new Placing(input, inputs, contents, asked)
      const read = withoutEncrypted(placing.read(documents.read), input.source)
      const rendering = {
        inputs: hash,
        revision: input.revision,
        ...read,
        documents: placing.documents,
        written: placing.written,
      }
      return { manifests: [...read.manifests], problems: [...read.problems], files: new Map(), rendering }
    } finally {
      await folder.remove()
    }
  }

  private async documents(stdout: string, input: RenderInput, { rootFile }: KustomizeInputs, asked: boolean) {
    const { metadata, leaveOut, variables = [] } = input.spec.kustomize ?? {}
    // What is made of the same text is kept with the text.
    const salt = `${asked ? 'origins stay' : ''}${metadata || leaveOut ? stableHash(asJson([metadata, leaveOut])) : ''}`
    try {
      const transform = substitution(variables)
      return { read: await readRendered(stdout, input.rendering?.documents, { salt, transform }) }
    } catch (error) {
      if (!(error instanceof SubstitutionError)) throw error
      return { problems: [problem(input, rootFile, `variables cannot be replaced: ${error.message}`)] }
    }
  }
}

/** What is done to what was built, as JSON. */
function afterwards({ kustomize: { metadata, leaveOut, variables } = {} }: SourceSpec): Json {
  return asJson([metadata, leaveOut, variables])
}

function asJson(value: unknown): Json {
  return parseJson(stringifyJson(value))
}

type Contents = ReadonlyMap<string, Buffer>

async function writeInputs(
  { reader }: RenderInput,
  { root, rootFile, rootContent, files, links, kustomizations }: KustomizeInputs,
  folder: SandboxFolder,
): Promise<{ contents: Contents; asked: boolean }> {
  const contents = new Map<string, Buffer>()
  const blobs = reader.blobs([...files.values()])
  await folder.folder(root)
  for (const file of files.keys()) {
    const { value } = await blobs.next()
    if (!value) break
    contents.set(file, value)
    if (file !== rootFile) await folder.write(file, value)
  }
  const built = rootContent ?? kustomizations.get(rootFile)?.content.toString('utf8') ?? ''
  const kustomization = withOrigins(built)
  await folder.write(rootFile, kustomization.content)
  for (const [link, target] of links) await folder.link(link, target)
  return { contents, asked: kustomization.asked }
}

/** Reads what was built into manifests, each at its place in Git. */
class Placing {
  private readonly input: RenderInput
  private readonly inputs: KustomizeInputs
  private readonly contents: Contents
  /** The kustomization itself asks for the annotations: then they belong to the objects. */
  private readonly asked: boolean
  /** With what was made of each, for the next commit. */
  readonly documents = new Map<string, RenderedDocument>()
  /** What files hold, by their blobs. */
  readonly written = new Map<string, readonly WrittenObject[]>()

  constructor(input: RenderInput, inputs: KustomizeInputs, contents: Contents, asked: boolean) {
    this.input = input
    this.inputs = inputs
    this.contents = contents
    this.asked = asked
  }

  read(documents: readonly RenderedDocument[]): { manifests: Manifest[]; problems: Problem[] } {
    const manifests: Manifest[] = []
    const problems: Problem[] = []
    const { revision } = this.input
    for (const document of documents) {
      const built = document.built ?? this.build(document)
      this.documents.set(document.id, { ...document, values: [], built })
      problems.push(...built.problems)
      for (const { ref, object, hash, origin: from } of built.objects) {
        const { file, line, approximate, written } = this.place({ ref, object }, from)
        const origin = { file, line, revision, ...(approximate ? { approximate } : {}) }
        manifests.push({ ref, object, hash, origin, ...(written ? { written } : {}) })
      }
    }
    return { manifests, problems }
  }

  private build({ values, error }: RenderedDocument): BuiltDocument {
    const { source, revision } = this.input
    const objects: BuiltDocument['objects'][number][] = []
    const problems: Problem[] = []
    if (error !== undefined)
      problems.push(
        problem(this.input, this.inputs.rootFile, `kustomize build gives what cannot be read: ${error}`),
      )
    for (const written of values) {
      const taken = takeOrigin(written, dirname(this.inputs.rootFile), this.asked)
      const { origin } = taken
      const value = finished(taken.value, this.input.spec.kustomize)
      if (value === undefined) continue
      const file = (origin && this.known(origin.file)) ?? this.inputs.rootFile
      const document: YamlDocument = { value, line: 1, lineAt: () => 1, linesIn: () => '' }
      const read = readManifests([document], { source, file, revision })
      for (const one of read.problems) problems.push({ ...one, line: 0 })
      for (const { ref, object, hash } of read.manifests) objects.push({ ref, object, hash, origin })
    }
    return { objects, problems }
  }

  private place(manifest: Pick<Manifest, 'ref' | 'object'>, origin: KustomizeOrigin | undefined): PlaceInGit {
    const { kustomizations, rootFile } = this.inputs
    const file = origin && this.known(origin.file)
    if (!origin || !file) return { file: rootFile, line: 1, approximate: true }
    const kustomization = kustomizations.get(file)
    if (kustomization) return placeInKustomization(manifest, { ...origin, file }, kustomization.document)
    return placeInFile(manifest, file, this.objectsIn(file))
  }

  /** A file that was read, by the name that kustomize has for it: links are resolved here. */
  private known(file: string): string | undefined {
    const place = this.inputs.tree.look(file)
    return place?.type === 'file' && this.contents.has(place.path) ? place.path : undefined
  }

  private objectsIn(file: string): readonly WrittenObject[] {
    const oid = this.inputs.files.get(file)?.oid ?? ''
    let known = this.written.get(oid) ?? this.input.rendering?.written.get(oid)
    if (!known) {
      const { source, revision } = this.input
      const { documents } = readDocuments(this.contents.get(file) ?? '', file)
      known = writtenObjects(readManifests(documents, { source, file, revision }).manifests)
    }
    this.written.set(oid, known)
    return known
  }
}

function problem({ source }: RenderInput, file: string, message: string): Problem {
  return { source, file, line: 0, message }
}

function secretValues({ secrets }: KustomizeInputs, contents: Contents): string[] {
  const texts = [...contents].map(([file, content]) => ({ file, text: content.toString('utf8') }))
  const whole = texts.filter(({ file }) => secrets.has(file)).flatMap(({ text }) => linesOf(text))
  const yaml = texts.filter(({ text }) => /Secret|secret/.test(text)).map(({ text }) => text)
  return [...whole, ...secretsOf(yaml)].sort((a, b) => b.length - a.length)
}
