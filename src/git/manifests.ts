/** Turns the documents of a file into manifests, and says what is wrong with those that are none. */
import type { Manifest, Problem } from '../model/desired.ts'
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import { groupOf } from '../object/identity.ts'
import { fieldOf, isObject, parseJson, stringifyJson } from '../object/json.ts'
import { stableHash } from './stable-hash.ts'
import type { YamlDocument } from './yaml.ts'

/** Where the documents come from. */
export interface FileOrigin {
  source: string
  /** Path from the repository's root. */
  file: string
  revision: string
}

export interface ReadManifests {
  manifests: Manifest[]
  problems: Problem[]
  /** Some document could not be read, so that objects may be missing here which the file means to declare. */
  broken: boolean
}

type Path = readonly (string | number)[]

/** Lists in lists in lists are no manifest of anybody's. */
const MAX_LISTS = 8

/**
 * The manifests of a file in the order in which they are written, Lists taken apart, namespaces as written (see `placeManifests`).
 * Never throws: what cannot be used becomes a problem.
 */
export function readManifests(documents: readonly YamlDocument[], origin: FileOrigin): ReadManifests {
  const read: ReadManifests = { manifests: [], problems: [], broken: false }
  for (const document of documents) readValue(document.value, [], document, origin, read)
  return read
}

function readValue(value: Json, path: Path, document: YamlDocument, origin: FileOrigin, read: ReadManifests) {
  const line = path.length ? document.lineAt(path) : document.line
  const say = (message: string, at: Path = []) => {
    const place = at.length ? document.lineAt([...path, ...at]) : line
    read.problems.push({ source: origin.source, file: origin.file, line: place, message })
  }

  const refuse = (message: string, at: Path = []) => {
    read.broken = true
    say(message, at)
  }

  if (!isObject(value))
    return refuse(`is no Kubernetes object but ${typeName(value)}: expected a map with apiVersion and kind`)
  if (isKustomization(value)) return
  const apiVersion = fieldOf(value, 'apiVersion')
  const kind = fieldOf(value, 'kind')
  if (apiVersion === undefined && kind === undefined) {
    // Dashboards and settings of programs lie beside manifests as .json; nobody writes a manifest without both.
    if (origin.file.endsWith('.json')) return
    return refuse(
      'is no Kubernetes object, as it has neither apiVersion nor kind: add both, or move the file out of the path',
    )
  }
  if (!isText(apiVersion)) return refuse(`${must('apiVersion', 'v1 or apps/v1', apiVersion)}`, ['apiVersion'])
  if (!/^([a-zA-Z0-9.-]+\/)?[a-zA-Z0-9]+$/.test(apiVersion)) {
    return refuse(`apiVersion must be like v1 or apps/v1: current value is ${quote(apiVersion)}`, [
      'apiVersion',
    ])
  }
  if (!isText(kind)) return refuse(must('kind', 'Deployment', kind), ['kind'])
  if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(kind)) {
    return refuse(`kind must be like Deployment: current value is ${quote(kind)}`, ['kind'])
  }

  const items = fieldOf(value, 'items')
  if (kind.endsWith('List') && Array.isArray(items)) {
    if (path.length >= 2 * MAX_LISTS) return refuse('holds lists in lists, nested too deeply')
    items.forEach((item, index) => {
      readValue(itemOf(item, apiVersion, kind), [...path, 'items', index], document, origin, read)
    })
    return
  }

  const metadata = fieldOf(value, 'metadata')
  if (!isObject(metadata)) {
    return refuse(`${kind} must have metadata with a name: ${found(metadata)}`, ['metadata'])
  }
  const name = fieldOf(metadata, 'name')
  if (name === undefined || name === null || name === '') {
    const prefix = fieldOf(metadata, 'generateName')
    if (isText(prefix)) {
      return say(
        `${kind} with generateName ${quote(prefix)} is not guarded, as each apply creates another one: give it metadata.name`,
        ['metadata', 'generateName'],
      )
    }
    return refuse(`${kind} must have a metadata.name: ${found(name)}`, ['metadata', 'name'])
  }
  if (typeof name !== 'string') {
    return refuse(`${kind}'s metadata.name must be text: put ${String(name)} in quotes`, ['metadata', 'name'])
  }
  // As validation/path.IsValidPathSegmentName of apimachinery: names become parts of URLs.
  if (name === '.' || name === '..' || /[/%\s\p{C}]/u.test(name)) {
    return refuse(`${kind}'s metadata.name cannot be ${quote(name)}, as it must be one part of a path`, [
      'metadata',
      'name',
    ])
  }
  const namespace = fieldOf(metadata, 'namespace') ?? ''
  if (typeof namespace !== 'string' || !/^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$/.test(namespace)) {
    return refuse(
      `${kind} ${name}: metadata.namespace must be lower case letters, digits and dashes: current value is ${quote(namespace)}`,
      ['metadata', 'namespace'],
    )
  }
  if (isSopsEncrypted(value)) {
    return say(
      `${kind} ${name} is encrypted by SOPS and cannot be compared, so it is not guarded: only the agent can decrypt it`,
    )
  }
  const object = compact(value) as KubeObject
  read.manifests.push({
    ref: { group: groupOf(apiVersion), kind, namespace, name },
    object,
    origin: { file: origin.file, line, revision: origin.revision },
    hash: stableHash(object),
    written: { object, lines: document.linesIn(object, path) },
  })
}

/**
 * The same value as few bytes: its texts would else each keep the whole file in memory, and what comes from one parse shares the layout
 * of its objects and the texts of its keys.
 */
function compact(value: JsonObject): Json {
  return parseJson(stringifyJson(value))
}

/** As apimachinery's UnstructuredList does: a typed list's items may leave out what its kind says. */
function itemOf(item: Json, apiVersion: string, listKind: string): Json {
  const kind = listKind.slice(0, -'List'.length)
  if (!isObject(item) || kind === '') return item
  if (isText(fieldOf(item, 'apiVersion')) && isText(fieldOf(item, 'kind'))) return item
  return { ...item, apiVersion, kind }
}

/** Kustomize's own files configure, and declare nothing. */
function isKustomization(value: JsonObject): boolean {
  const apiVersion = fieldOf(value, 'apiVersion')
  return typeof apiVersion === 'string' && apiVersion.startsWith('kustomize.config.k8s.io/')
}

function isSopsEncrypted(value: JsonObject): boolean {
  const sops = fieldOf(value, 'sops')
  return isObject(sops) && (Object.hasOwn(sops, 'mac') || Object.hasOwn(sops, 'lastmodified'))
}

function isText(value: Json | undefined): value is string {
  return typeof value === 'string' && value !== ''
}

function must(field: string, example: string, value: Json | undefined): string {
  return `must have ${field}, such as ${example}: ${found(value)}`
}

function found(value: Json | undefined): string {
  return value === undefined || value === null ? 'there is none' : `current value is ${typeName(value)}`
}

function quote(value: Json): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : typeName(value)
}

function typeName(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  return typeof value === 'bigint' || typeof value === 'number'
    ? 'a number'
    : typeof value === 'boolean'
      ? 'true or false'
      : value === ''
        ? 'empty'
        : 'text'
}
