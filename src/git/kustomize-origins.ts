/** Finds where in Git an object that kustomize built is written: the file by kustomize's annotation, the line by kind and name. */
import { posix } from 'node:path'
import type { Manifest, Written } from '../model/desired.ts'
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import type { ObjectRef } from '../model/identity.ts'
import { fieldOf, isObject } from '../object/json.ts'
import { stableHash } from './stable-hash.ts'
import type { YamlDocument } from './yaml.ts'

const ANNOTATION = 'config.kubernetes.io/origin'

/** Where an object is written. */
export interface PlaceInGit {
  file: string
  line: number
  /** Something changed it on its way, or the line could not be told. */
  approximate: boolean
  /** The lines of its fields, where nothing but a name or a label was changed. */
  written?: Written | undefined
}

/** What kustomize says of an object: a file, or the kustomization or plugin configuration that generates it. */
export interface KustomizeOrigin {
  /** From the repository's root. */
  file: string
  /** The kind of the generator, such as ConfigMapGenerator. */
  generator?: string
}

/** The object's origin by kustomize's annotation, and the object without it. */
export function takeOrigin(
  value: Json,
  root: string,
  keep: boolean,
): { value: Json; origin?: KustomizeOrigin } {
  const metadata = fieldOf(value, 'metadata')
  const annotations = fieldOf(metadata, 'annotations')
  const text = fieldOf(annotations, ANNOTATION)
  if (!isObject(value) || !isObject(metadata) || !isObject(annotations) || typeof text !== 'string')
    return { value }
  const origin = readOrigin(text, root)
  const found = origin === undefined ? {} : { origin }
  if (keep) return { value, ...found }
  const others = without(annotations, [ANNOTATION])
  const rest = without(metadata, ['annotations'])
  const left = Object.keys(others).length > 0 ? { ...rest, annotations: others } : rest
  return { value: { ...value, metadata: left }, ...found }
}

/** Plain lines of YAML, made by kustomize itself: `path`, or `configuredIn` and `configuredBy.kind`. */
function readOrigin(text: string, root: string): KustomizeOrigin | undefined {
  const field = (name: string) => {
    const found = new RegExp(`^\\s*${name}: (.*)$`, 'm').exec(text)?.[1]?.trim()
    return found?.replace(/^(["'])(.*)\1$/, '$2')
  }
  const written = field('path') ?? field('configuredIn')
  if (written === undefined || field('repo') !== undefined) return undefined
  const file = posix.normalize(posix.join(root || '.', written))
  const generator = field('configuredIn') === undefined ? undefined : field('kind')
  return { file, ...(generator === undefined ? {} : { generator }) }
}

/** An object as a file has it, as far as finding it again needs that. */
export interface WrittenObject {
  ref: ObjectRef
  line: number
  /** Of all but what kustomizations usually add. */
  body: string
  written?: Written | undefined
}

export function writtenObjects(manifests: readonly Manifest[]): WrittenObject[] {
  return manifests.map(({ ref, object, origin, written }) => ({
    ref,
    line: origin.line,
    body: bodyOf(object),
    written,
  }))
}

/** Where in a file the object is written that became this one. Prefixes, suffixes and namespaces of a kustomization are allowed for. */
export function placeInFile(
  { ref, object }: Pick<Manifest, 'ref' | 'object'>,
  file: string,
  objects: readonly WrittenObject[],
): PlaceInGit {
  const ofKind = objects.filter((other) => other.ref.kind === ref.kind && other.ref.group === ref.group)
  const [best] = ofKind
    .map((other) => ({ other, score: score(ref, other.ref) }))
    .filter(({ score }) => score > 0 || ofKind.length === 1)
    .sort((a, b) => b.score - a.score)
  if (!best) return { file, line: objects[0]?.line ?? 1, approximate: true }
  const approximate = best.score === 0 || best.other.body !== bodyOf(object)
  const { line, written } = best.other
  return { file, line, approximate, written: approximate ? undefined : written }
}

/** The entry of a generator that made the object. */
export function placeInKustomization(
  { ref }: Pick<Manifest, 'ref'>,
  { file, generator }: KustomizeOrigin,
  document: YamlDocument | undefined,
): PlaceInGit {
  const field = generator === 'SecretGenerator' ? 'secretGenerator' : 'configMapGenerator'
  const entries = fieldOf(document?.value, field)
  if (!document || !Array.isArray(entries)) return { file, line: 1, approximate: true }
  const scores = entries.map((entry) => {
    const name = fieldOf(entry, 'name')
    return typeof name === 'string' && ref.name.includes(name) ? name.length : 0
  })
  const best = Math.max(...scores)
  const index = best > 0 ? scores.indexOf(best) : -1
  return { file, line: document.lineAt(index < 0 ? [field] : [field, index]), approximate: true }
}

function score(built: ObjectRef, written: ObjectRef): number {
  if (!built.name.includes(written.name)) return 0
  if (built.name !== written.name) return written.name.length / (built.name.length + 1)
  return built.namespace === written.namespace ? 3 : written.namespace === '' ? 2 : 1
}

/** All but what kustomizations usually add: two objects of the same body differ in name, namespace, labels and annotations at most. */
function bodyOf(object: KubeObject): string {
  const metadata = without(object.metadata, ['name', 'namespace', 'labels', 'annotations'])
  return stableHash({ ...object, metadata })
}

function without(object: JsonObject, names: readonly string[]): JsonObject {
  // Spread, not set: a key may be `__proto__`.
  const copy = { ...object }
  for (const name of names) delete copy[name]
  return copy
}
