import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClusterApi } from '../../src/cluster/api.ts'
import { collectionPath, objectPath } from '../../src/cluster/api-path.ts'
import { connect } from '../../src/cluster/connection.ts'
import { Discovery } from '../../src/cluster/discovery.ts'
import { diffRows, type Row } from '../../src/commands/diff.ts'
import { presetNames } from '../../src/commands/context.ts'
import { parseConfig } from '../../src/config/load.ts'
import { readManifests } from '../../src/git/manifests.ts'
import { placeManifests } from '../../src/git/scope.ts'
import { readDocuments } from '../../src/git/yaml.ts'
import { settingsOf } from '../../src/guard/settings.ts'
import type { DesiredState, Manifest } from '../../src/model/desired.ts'
import type { ResourceInfo } from '../../src/model/identity.ts'
import type { Json, KubeObject } from '../../src/model/json.ts'
import { groupOf, versionOf } from '../../src/object/identity.ts'
import { fieldOf } from '../../src/object/json.ts'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { RawRequests, type RawAnswer } from './raw-requests.ts'

/** What one source holds. */
export interface StagedSource {
  name: string
  /** For manifests that name none. */
  namespace?: string
  yaml: string
  undeclared?: 'allow' | 'warn' | 'deny'
}

/** One document of a file, as it is written and as it is read. */
export interface StagedManifest {
  text: string
  manifest: Manifest
}

/** The agent that brings manifests in, by server-side apply. */
export const AGENT = 'kustomize-controller'

/** A real control plane, an agent, an intruder and `gitops-guard diff`, all in one process. */
export class Stage {
  readonly plane: ControlPlane
  readonly discovery: Discovery
  readonly api: ClusterApi
  readonly #admin: RawRequests

  private constructor(plane: ControlPlane) {
    this.plane = plane
    this.api = new ClusterApi(connect({ kubeconfig: plane.kubeconfig('admin') }))
    this.discovery = new Discovery({ api: this.api })
    this.#admin = new RawRequests(plane.kubeconfig('admin'))
  }

  /** Without controllers nobody but the test writes. */
  static async start({ controllers = true } = {}): Promise<Stage> {
    const stage = new Stage(await startControlPlane({ kubeControllerManager: controllers }))
    await stage.refresh()
    return stage
  }

  async stop(): Promise<void> {
    this.#admin.close()
    this.api.connection.close()
    await this.plane.stop()
  }

  /** Reads what is served now. */
  async refresh(): Promise<void> {
    await this.discovery.refresh()
    await this.discovery.readCustomKinds()
  }

  /** The manifests of a text, in the namespaces that they are for. */
  manifests({ name, namespace, yaml }: StagedSource): Manifest[] {
    const { manifests } = readManifests(
      readDocuments(yaml, `${name}.yaml`, { endLastLine: true }).documents,
      {
        source: name,
        file: `${name}.yaml`,
        revision: 'c1',
      },
    )
    return placeManifests(manifests, {
      source: name,
      namespace,
      namespaced: (group, kind) => this.discovery.namespaced(group, kind),
    }).manifests
  }

  /** Document by document, with the text of each. */
  documents(source: StagedSource): StagedManifest[] {
    return source.yaml.split(/^---.*$/m).flatMap((text) => {
      const [manifest] = this.manifests({ ...source, yaml: text })
      return manifest === undefined ? [] : [{ text, manifest }]
    })
  }

  serves(apiVersion: string, kind: string): boolean {
    return this.discovery.resourceFor(groupOf(apiVersion), kind, versionOf(apiVersion)) !== undefined
  }

  resource({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): ResourceInfo {
    const resource = this.discovery.resourceFor(groupOf(apiVersion), kind, versionOf(apiVersion))
    if (resource === undefined) throw new Error(`${kind} of ${apiVersion} is not served`)
    return resource
  }

  path(object: KubeObject): string {
    const { name, namespace } = object.metadata
    const at = { namespace: typeof namespace === 'string' ? namespace : '', name: String(name) }
    return objectPath(this.resource(object), at)
  }

  collection(object: KubeObject): string {
    const { namespace } = object.metadata
    return collectionPath(this.resource(object), typeof namespace === 'string' ? namespace : '')
  }

  send(method: string, path: string, body?: string | Json, contentType?: string): Promise<RawAnswer> {
    return this.#admin.send(method, path, body, contentType)
  }

  /** @throws Error with the API server's words where it refuses. */
  async must(method: string, path: string, body?: string | Json, contentType?: string): Promise<KubeObject> {
    const answer = await this.send(method, path, body, contentType)
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${messageOf(answer)}`)
    return answer.body as KubeObject
  }

  /** Waits until nobody has written these objects for a second: controllers are done with them then. */
  async quiet(objects: readonly KubeObject[]): Promise<void> {
    const versions = async () => {
      const answers = await Promise.all(objects.map((object) => this.send('GET', this.path(object))))
      return answers.map(({ body }) => String(fieldOf(fieldOf(body, 'metadata'), 'resourceVersion'))).join()
    }
    const end = Date.now() + 60_000
    for (let before = '', after = await versions(); before !== after && Date.now() < end;) {
      await new Promise((resolve) => setTimeout(resolve, 1000))
      before = after
      after = await versions()
    }
  }

  /** Server-side apply of the text as it is written: the API server reads its YAML. */
  apply({ text, manifest }: StagedManifest): Promise<RawAnswer> {
    const query = `?fieldManager=${AGENT}&force=true`
    return this.send('PATCH', this.path(manifest.object) + query, text, 'application/apply-patch+yaml')
  }

  async namespace(name: string, labels: { [key: string]: string } = {}): Promise<void> {
    const body: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }
    const { status } = await this.send('POST', '/api/v1/namespaces', body)
    if (status >= 300 && status !== 409) throw new Error(`namespace ${name}: ${status}`)
  }

  async kubectl(args: string[], input?: string): Promise<string> {
    const file = join(this.plane.dir, `in-${crypto.randomUUID()}.yaml`)
    if (input !== undefined) await writeFile(file, input)
    const full = input === undefined ? args : [...args, '-f', file]
    const { code, stdout, stderr } = await this.plane.kubectl('alice', full)
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`)
    return stdout
  }

  /** What `gitops-guard diff` says, by source. `extra` is more configuration, in YAML. */
  async diff(sources: readonly StagedSource[], extra = ''): Promise<Map<string, Row[]>> {
    await this.refresh()
    const listed = sources.map(
      ({ name, namespace, undeclared = 'allow' }) =>
        `  - { name: ${name}, repository: /nowhere, ref: { branch: main }, undeclared: ${undeclared}` +
        `${namespace === undefined ? '' : `, namespace: ${namespace}`} }`,
    )
    const text = `apiVersion: gitops-guard.dev/v1alpha1\nkind: GuardConfig\nmode: enforce\nagents: [{ preset: flux }]\nsources:\n${listed.join('\n')}\n${extra}`
    const settings = settingsOf(parseConfig(text, 'config.yaml', { presets: presetNames }))
    const states = sources.map((source): DesiredState => {
      const file = `${source.name}.yaml`
      const { documents, problems } = readDocuments(source.yaml, file, { endLastLine: true })
      const read = readManifests(documents, { source: source.name, file, revision: 'c1' })
      return {
        source: source.name,
        revision: 'c1',
        repository: '/nowhere',
        manifests: read.manifests,
        problems: [...problems.map((problem) => ({ source: source.name, ...problem })), ...read.problems],
        committedAt: 0,
        loadedAt: 0,
      }
    })
    const rows = await diffRows(settings, states, {
      sources: settings.sources,
      api: this.api,
      discovery: this.discovery,
    })
    return Map.groupBy(rows, ({ origin, ref }) => origin?.file.replace(/\.yaml$/, '') ?? ref.namespace)
  }
}

export function messageOf({ body }: RawAnswer): string {
  return String(fieldOf(body, 'message') ?? '')
}
