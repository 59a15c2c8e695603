import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { ClusterApi } from '../../src/cluster/api.ts'
import type { Resource } from '../../src/cluster/api-path.ts'
import { connect } from '../../src/cluster/connection.ts'
import type { Json, KubeObject } from '../../src/model/json.ts'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { freePort } from '../control-plane/free-port.ts'
import { runCommand } from '../control-plane/run-command.ts'
import type { GuardProcessOptions } from '../../src/demo/guard-process.ts'
import { GuardChild } from './guard-child.ts'

export const AGENT = 'system:serviceaccount:ci:deployer'
const PER_NAMESPACE = 100
/** Writes of the agent at the same time. */
const WRITERS = 32

const resource = (group: string, name: string, kind: string, namespaced = true): Resource => ({
  group,
  version: 'v1',
  resource: name,
  kind,
  namespaced,
})
export const NAMESPACES = resource('', 'namespaces', 'Namespace', false)
export const CONFIG_MAPS = resource('', 'configmaps', 'ConfigMap')
export const DEPLOYMENTS = resource('apps', 'deployments', 'Deployment')

/** An object that Git declares, and the field that rogues write. */
export interface Target {
  resource: Resource
  namespace: string
  name: string
  pointer: string
  git: string
}

/**
 * A real control plane without controllers, a repository that declares so many ConfigMaps and Deployments, half and half, one
 * namespace for each hundred, and an agent that has applied them.
 */
export class DeclaredWorld {
  readonly plane: ControlPlane
  /** Without the namespaces. */
  readonly count: number
  /** The agent, under its own field manager. */
  readonly agent: ClusterApi
  /** The agent's token, which goes past the webhook, under a field manager that the agent does not use. */
  readonly rogue: ClusterApi
  readonly #guardKubeconfig: string
  readonly #stops: (() => unknown)[] = []

  private constructor(plane: ControlPlane, count: number, guardKubeconfig: string) {
    this.plane = plane
    this.count = count
    this.#guardKubeconfig = guardKubeconfig
    const connection = connect({ kubeconfig: plane.kubeconfig(AGENT) })
    this.#stops.push(() => connection.close())
    this.agent = new ClusterApi(connection, { fieldManager: 'deployer' })
    this.rogue = new ClusterApi(connection, { fieldManager: 'kubectl-edit' })
  }

  static async open(count: number, say: (line: string) => void = () => undefined): Promise<DeclaredWorld> {
    const plane = await startControlPlane({ kubeControllerManager: false })
    try {
      await plane.serviceAccount('ci', 'deployer', { clusterAdmin: true })
      const guard = await plane.serviceAccount('gitops-guard', 'gitops-guard', { clusterAdmin: true })
      const world = new DeclaredWorld(plane, count, guard)
      const crd = new URL('../../deploy/break-glass.yaml', import.meta.url).pathname
      const { code, stderr } = await plane.kubectl('admin', ['apply', '-f', crd])
      if (code !== 0) throw new Error(stderr)
      await world.#writeRepository()
      await world.#apply(say)
      return world
    } catch (error) {
      await plane.stop()
      throw error
    }
  }

  /** All of them, namespaces too. */
  get objects(): number {
    return this.count + Math.ceil(this.count / PER_NAMESPACE)
  }

  target(index: number): Target {
    const at = { namespace: namespaceOf(index), name: `app-${index}` }
    return index % 2 === 0
      ? { resource: CONFIG_MAPS, ...at, pointer: '/data/colour', git: 'blue' }
      : {
          resource: DEPLOYMENTS,
          ...at,
          pointer: '/spec/template/spec/containers/0/image',
          git: 'example.com/app:1',
        }
  }

  /** One write past the webhook. */
  async write({ resource, namespace, name, pointer }: Target, value: string): Promise<void> {
    const patch = [{ op: 'replace', path: pointer, value }]
    await this.rogue.patch(resource, { namespace, name }, patch, { type: 'application/json-patch+json' })
  }

  /** Objects that are not as Git says, as a client outside sees them. */
  async differing(): Promise<string[]> {
    const found: string[] = []
    const live = new Map<string, KubeObject>()
    for (const kind of [CONFIG_MAPS, DEPLOYMENTS]) {
      let next: string | undefined
      do {
        const { object } = await this.agent.list(kind, undefined, { query: { limit: 1000, continue: next } })
        for (const item of object.items as KubeObject[]) {
          const { namespace, name } = item.metadata
          live.set(`${kind.kind} ${String(namespace)}/${String(name)}`, item)
        }
        next = (object.metadata['continue'] as string | undefined) || undefined
      } while (next !== undefined)
    }
    for (let index = 0; index < this.count; index++) {
      const target = this.target(index)
      const key = `${target.resource.kind} ${target.namespace}/${target.name}`
      const value = valueAt(live.get(key), target.pointer)
      if (value !== target.git) found.push(`${key}: ${JSON.stringify(value) ?? 'missing'}`)
    }
    return found
  }

  /** A guard that is not started yet. */
  async guard(
    name: string,
    options: { more?: string; httpsPort?: number } & Partial<
      Pick<GuardProcessOptions, 'webhookUrl' | 'replica' | 'nodeArgs' | 'env'>
    > = {},
  ): Promise<GuardChild> {
    const { more = '', httpsPort, ...rest } = options
    const directory = join(this.plane.dir, name)
    await mkdir(directory, { recursive: true })
    const config = join(directory, 'config.yaml')
    await writeFile(config, configuration(directory, this.#repository) + more)
    const guard = new GuardChild({
      config,
      kubeconfig: this.#guardKubeconfig,
      ports: { https: httpsPort ?? (await freePort()), http: await freePort() },
      logFile: join(directory, 'guard.log'),
      ...rest,
    })
    this.#stops.push(() => guard.end('SIGKILL'))
    return guard
  }

  /** Called when it closes, the last one first. */
  after(stop: () => unknown): void {
    this.#stops.push(stop)
  }

  async close(): Promise<void> {
    await this.plane.stop()
    for (const stop of this.#stops.toReversed()) await stop()
  }

  get #repository(): string {
    return join(this.plane.dir, 'repository')
  }

  async #writeRepository(): Promise<void> {
    await mkdir(this.#repository, { recursive: true })
    for (let first = 0; first < this.count; first += PER_NAMESPACE) {
      const all = [namespaceManifest(namespaceOf(first)), ...this.#indexes(first).map(manifest)]
      const text = all.map((object) => stringify(object, { aliasDuplicateObjects: false })).join('---\n')
      await writeFile(join(this.#repository, `${namespaceOf(first)}.yaml`), text)
    }
    for (const args of [
      ['init', '-q', '-b', 'main'],
      ['add', '.'],
      ['-c', 'user.name=b', '-c', 'user.email=b@x', 'commit', '-qm', 'x'],
    ]) {
      const { code, stderr } = await runCommand('git', args, { cwd: this.#repository })
      if (code !== 0) throw new Error(stderr)
    }
  }

  #indexes(first: number): number[] {
    return Array.from({ length: Math.min(PER_NAMESPACE, this.count - first) }, (_, index) => first + index)
  }

  async #apply(say: (line: string) => void): Promise<void> {
    const start = performance.now()
    const namespaces = Array.from({ length: Math.ceil(this.count / PER_NAMESPACE) }, (_, index) => index)
    await parallel(WRITERS, namespaces, async (index) => {
      const name = namespaceOf(index * PER_NAMESPACE)
      await this.agent.apply(NAMESPACES, namespaceManifest(name))
    })
    let done = 0
    await parallel(WRITERS, Array(this.count).keys(), async (index) => {
      await this.agent.apply(this.target(index).resource, manifest(index), { retries: 10 })
      if (++done % 2000 !== 0) return
      const perSecond = (done * 1000) / (performance.now() - start)
      const left = (this.count - done) / perSecond
      say(`  applied ${done} of ${this.count}, ${perSecond.toFixed(0)} a second, ${left.toFixed(0)} s more`)
    })
    say(`  applied ${this.count} in ${((performance.now() - start) / 1000).toFixed(1)} s`)
  }
}

/** Does the work on each item, so many at the same time. */
export async function parallel<T>(
  width: number,
  items: Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]()
  const next = async () => {
    for (let item = iterator.next(); item.done !== true; item = iterator.next()) await work(item.value)
  }
  await Promise.all(Array.from({ length: width }, next))
}

export function valueAt(object: KubeObject | undefined, pointer: string): Json | undefined {
  let at: Json | undefined = object
  for (const key of pointer.slice(1).split('/')) at = (at as { [key: string]: Json } | undefined)?.[key]
  return at
}

const namespaceOf = (index: number) => `n-${String(Math.floor(index / PER_NAMESPACE)).padStart(4, '0')}`

const namespaceManifest = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name },
})

/** Of the size that such things have. */
function manifest(index: number): KubeObject {
  const name = `app-${index}`
  const labels = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': 'bench' }
  const metadata = { name, namespace: namespaceOf(index), labels }
  if (index % 2 === 0) {
    const settings = Array.from({ length: 12 }, (_, line) => `setting-${line}=${index * line}`).join('\n')
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      data: { colour: 'blue', 'app.properties': settings },
    }
  }
  const probe = { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 5 }
  const container = {
    name: 'app',
    image: 'example.com/app:1',
    args: ['--port=8080', `--name=${name}`],
    ports: [{ name: 'http', containerPort: 8080 }],
    env: [
      { name: 'LOG_LEVEL', value: 'info' },
      { name: 'REGION', value: `r-${index}` },
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    ],
    resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '128Mi' } },
    readinessProbe: probe,
    livenessProbe: probe,
    volumeMounts: [{ name: 'config', mountPath: '/etc/app' }],
  }
  const template = {
    metadata: { labels },
    spec: { containers: [container], volumes: [{ name: 'config', configMap: { name: `app-${index - 1}` } }] },
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: { replicas: 2, selector: { matchLabels: { 'app.kubernetes.io/name': name } }, template },
  }
}

const configuration = (directory: string, repository: string) => `apiVersion: gitops-guard.dev/v1alpha1
kind: GuardConfig
stateDir: ${directory}/state
sources:
  - name: bench
    repository: ${repository}
    ref: { branch: main }
    poll: 5m
agents:
  - user: ${AGENT}
    managers: [deployer]
`
