/** What the API server's schemas say of each kind, fetched where needed. */
import type { Json } from '../model/json.ts'
import type { Shape } from '../model/path.ts'
import { fieldOf, isObject } from '../object/json.ts'
import { ApiError } from './api-error.ts'
import type { ClusterApi } from './api.ts'
import { ShapeCompiler } from './shape-compiler.ts'

interface Document {
  hash: string
  kinds: Map<string, Shape>
  /** Kinds whose POST has a `dryRun` parameter. */
  dryRun: Set<string>
}

/**
 * Shapes by group, version and kind. A group version's document is fetched when it is first asked for, and again when the index names
 * another hash for it.
 */
export class Shapes {
  readonly #api: Pick<ClusterApi, 'raw'>
  /** URL of each group version's document, with its hash. */
  #index = new Map<string, string>()
  readonly #documents = new Map<string, Document>()
  readonly #loading = new Map<string, Promise<void>>()

  constructor(api: Pick<ClusterApi, 'raw'>) {
    this.#api = api
  }

  /** Undefined where the kind has no schema, or none that matters, or it was not loaded. */
  shapeOf(group: string, version: string, kind: string): Shape | undefined {
    return this.#documents.get(pathOf(group, version))?.kinds.get(kind)
  }

  /** Whether `shapeOf` says all that there is to say of the group version's kinds. */
  isLoaded(group: string, version: string): boolean {
    const path = pathOf(group, version)
    return this.#documents.has(path) || (this.#index.size > 0 && !this.#index.has(path))
  }

  /** A text that changes when the schema of any kind of this group version does; '' where it is not known. */
  schemaHash(group: string, version: string): string {
    return this.#index.get(pathOf(group, version)) ?? ''
  }

  /** Whether creating such an object can be tried without doing it; only what says so may be asked. */
  canDryRun(group: string, version: string, kind: string): boolean {
    return this.#documents.get(pathOf(group, version))?.dryRun.has(kind) ?? false
  }

  /** Reads the index. Resolves with the group versions (`apps/v1`, `v1`) of loaded documents that changed or went. */
  async refresh(): Promise<string[]> {
    const { object } = await this.#api.raw('/openapi/v3')
    const paths = fieldOf(object, 'paths')
    const index = new Map<string, string>()
    for (const [path, value] of Object.entries(isObject(paths) ? paths : {})) {
      const url = fieldOf(value, 'serverRelativeURL')
      if (typeof url === 'string') index.set(path, url)
    }
    this.#index = index
    const changed = [...this.#documents].filter(([path, { hash }]) => index.get(path) !== hash)
    for (const [path] of changed) this.#documents.delete(path)
    return changed.map(([path]) => path.replace(/^apis?\//, ''))
  }

  /** Makes the shapes of a group version known. One that has no document has none. */
  async load(group: string, version: string): Promise<void> {
    const path = pathOf(group, version)
    if (this.#documents.has(path)) return
    if (this.#index.size === 0) await this.refresh()
    const loading = this.#loading.get(path) ?? this.#load(group, version, path)
    this.#loading.set(path, loading)
    await loading.finally(() => this.#loading.delete(path))
  }

  /**
   * A document by the address that the index had for it. Definitions that came since make that old: the server then only
   * points to where it moved. What is read instead counts as of the old index, so that the next one tells that it changed.
   */
  async #read(url: string): Promise<{ object: Json }> {
    try {
      return await this.#api.raw(url)
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 301) throw error
      return await this.#api.raw(url.replace(/\?.*$/, ''))
    }
  }

  async #load(group: string, version: string, path: string): Promise<void> {
    const url = this.#index.get(path)
    if (url === undefined) return
    const { object } = await this.#read(url)
    this.#documents.set(path, {
      hash: url,
      kinds: new ShapeCompiler(object).kinds(group, version),
      dryRun: dryRunKinds(object),
    })
  }
}

function pathOf(group: string, version: string): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`
}

function dryRunKinds(document: Json): Set<string> {
  const kinds = new Set<string>()
  const paths = fieldOf(document, 'paths')
  for (const path of Object.values(isObject(paths) ? paths : {})) {
    const post = fieldOf(path, 'post')
    const parameters = fieldOf(post, 'parameters')
    if (!Array.isArray(parameters) || !parameters.some((one) => fieldOf(one, 'name') === 'dryRun')) continue
    const kind = fieldOf(fieldOf(post, 'x-kubernetes-group-version-kind'), 'kind')
    if (typeof kind === 'string') kinds.add(kind)
  }
  return kinds
}
