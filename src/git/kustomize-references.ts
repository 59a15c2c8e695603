/** What a kustomization refers to, and what in it would run programs: by the fields of kustomize's own types (api/types). */
import type { Json, JsonObject } from '../model/json.ts'
import { fieldOf, isObject } from '../object/json.ts'
import { readDocuments } from './yaml.ts'

type Path = readonly (string | number)[]

export interface Reference {
  /** As written: relative to the kustomization's folder. */
  path: string
  to: 'file' | 'folder' | 'either'
  /** Where in the document. */
  at: Path
  /** A file of plugin configurations: builtin ones, that may refer to files themselves. */
  plugins?: boolean
  /** Its content becomes a Secret. */
  secret?: boolean
}

export interface References {
  references: Reference[]
  /** What is not done here, each with where. */
  refused: { message: string; at: Path }[]
}

const LISTS: readonly [string, Pick<Reference, 'to' | 'plugins'>][] = [
  ['resources', { to: 'either' }],
  ['bases', { to: 'folder' }],
  ['components', { to: 'folder' }],
  ['crds', { to: 'file' }],
  ['configurations', { to: 'file' }],
  ['patchesStrategicMerge', { to: 'file' }],
  ['generators', { to: 'either', plugins: true }],
  ['transformers', { to: 'either', plugins: true }],
  ['validators', { to: 'either', plugins: true }],
]
const WITH_PATH = ['patches', 'patchesJson6902', 'replacements']
const HELM = ['helmCharts', 'helmChartInflationGenerator', 'helmGlobals']

export function kustomizationReferences(value: Json): References {
  const found: References = { references: [], refused: [] }
  for (const [field, kind] of LISTS) {
    for (const [path, at] of texts(fieldOf(value, field), [field])) {
      // Inline YAML is allowed where a file is: a file's name is one line.
      if (path.includes('\n') || /^\s*[{[]/.test(path)) {
        if (kind.plugins) add(found, pluginReferences(path, at))
      } else found.references.push({ path, at, ...kind })
    }
  }
  for (const field of WITH_PATH) {
    for (const [item, at] of items(fieldOf(value, field), [field]))
      push(found, fieldOf(item, 'path'), [...at, 'path'])
  }
  push(found, fieldOf(fieldOf(value, 'openapi'), 'path'), ['openapi', 'path'])
  for (const field of ['configMapGenerator', 'secretGenerator']) {
    for (const [item, at] of items(fieldOf(value, field), [field]))
      generator(found, item, at, field === 'secretGenerator')
  }
  for (const field of HELM) {
    if (fieldOf(value, field) === undefined) continue
    const message = `${field} is not rendered, as it downloads charts and runs Helm: make the chart a source of its own`
    found.refused.push({ message, at: [field] })
  }
  return found
}

/** The same for plugin configurations in a file, or written inline at `at`. */
export function pluginReferences(text: string | Uint8Array, at: Path = []): References {
  const found: References = { references: [], refused: [] }
  for (const { value } of readDocuments(text, '').documents) {
    if (!isObject(value)) continue
    const kind = fieldOf(value, 'kind')
    const apiVersion = fieldOf(value, 'apiVersion')
    if (runsProgram(value) || apiVersion !== 'builtin') {
      const what = typeof kind === 'string' ? kind.slice(0, 100) : 'a plugin'
      const message = `${what} is not run: only kustomize's builtin generators and transformers are, no programs and containers`
      found.refused.push({ message, at })
    } else if (kind === 'HelmChartInflationGenerator') {
      const message = `${kind} is not rendered, as it downloads charts and runs Helm: make the chart a source of its own`
      found.refused.push({ message, at })
    } else {
      if (kind === 'ConfigMapGenerator' || kind === 'SecretGenerator')
        generator(found, value, at, kind === 'SecretGenerator', false)
      if (kind === 'PatchTransformer' || kind === 'PatchJson6902Transformer')
        push(found, fieldOf(value, 'path'), at)
      for (const [path] of texts(fieldOf(value, 'paths'), [])) if (!path.includes('\n')) push(found, path, at)
      for (const [item] of items(fieldOf(value, 'replacements'), [])) push(found, fieldOf(item, 'path'), at)
    }
  }
  return found
}

/** The annotations by which kustomize knows a function (kyaml/fn/runtime/runtimeutil). */
function runsProgram(value: JsonObject): boolean {
  const annotations = fieldOf(fieldOf(value, 'metadata'), 'annotations')
  return ['config.kubernetes.io/function', 'config.k8s.io/function'].some(
    (name) => fieldOf(annotations, name) !== undefined,
  )
}

function generator(found: References, item: Json, at: Path, secret: boolean, exact = true): void {
  const place = (path: Path) => (exact ? path : at)
  for (const field of ['files', 'envs']) {
    for (const [text, path] of texts(fieldOf(item, field), [...at, field])) {
      const file = field === 'files' && text.includes('=') ? text.slice(text.indexOf('=') + 1) : text
      found.references.push({ path: file, to: 'file', at: place(path), secret })
    }
  }
  const env = fieldOf(item, 'env')
  if (typeof env === 'string' && env !== '')
    found.references.push({ path: env, to: 'file', at: place([...at, 'env']), secret })
}

function add(found: References, more: References): void {
  found.references.push(...more.references)
  found.refused.push(...more.refused)
}

function push(found: References, path: Json | undefined, at: Path): void {
  if (typeof path === 'string' && path !== '') found.references.push({ path, to: 'file', at })
}

function texts(value: Json | undefined, path: Path): [string, Path][] {
  return items(value, path).filter(
    (item): item is [string, Path] => typeof item[0] === 'string' && item[0] !== '',
  )
}

function items(value: Json | undefined, path: Path): [Json, Path][] {
  return Array.isArray(value) ? value.map((item, index) => [item, [...path, index]]) : []
}
