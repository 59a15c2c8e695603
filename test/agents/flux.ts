import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClusterApi } from '../../src/cluster/api.ts'
import { connect, type Connection } from '../../src/cluster/connection.ts'
import type { ControlPlane } from '../control-plane/control-plane.ts'
import { freePort } from '../control-plane/free-port.ts'
import { Supervisor } from '../control-plane/supervisor.ts'
import { agentProgram } from './agents.ts'
import { ArtifactServer } from './artifact-server.ts'
import { findProgram } from '../control-plane/find-program.ts'
import { moduleFolder } from '../control-plane/module-folder.ts'
import { until } from '../e2e/until.ts'

const NAMESPACE = 'flux-system'
const SOURCES = 'apis/source.toolkit.fluxcd.io/v1'
const GIT_REPOSITORY = {
  group: 'source.toolkit.fluxcd.io',
  version: 'v1',
  resource: 'gitrepositories',
  kind: 'GitRepository',
  namespaced: true,
}
const KUSTOMIZATION = `/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/${NAMESPACE}/kustomizations/shop`

export interface FluxOptions {
  /** The work tree whose commits are brought in. */
  repository: string
  /** What the GitRepository names. */
  url: string
  /** Folder in the repository. */
  path: string
}

/** The real kustomize-controller under its real identity; the test stands in for source-controller. */
export class Flux {
  readonly #plane: ControlPlane
  readonly #artifacts: ArtifactServer
  readonly #supervisor: Supervisor
  readonly #source: { api: ClusterApi; connection: Connection }
  readonly #log: string

  private constructor(parts: {
    plane: ControlPlane
    artifacts: ArtifactServer
    supervisor: Supervisor
    source: { api: ClusterApi; connection: Connection }
    log: string
  }) {
    this.#plane = parts.plane
    this.#artifacts = parts.artifacts
    this.#supervisor = parts.supervisor
    this.#source = parts.source
    this.#log = parts.log
  }

  /** Installs CRDs, accounts, a GitRepository and a Kustomization, both `shop`, and starts the controller. */
  static async install(plane: ControlPlane, { repository, url, path }: FluxOptions): Promise<Flux> {
    const binary = await findProgram(agentProgram('kustomize-controller'))
    await installCrds(plane)
    const kubeconfig = await plane.serviceAccount(NAMESPACE, 'kustomize-controller', { clusterAdmin: true })
    const connection = connect({
      kubeconfig: await plane.serviceAccount(NAMESPACE, 'source-controller', { clusterAdmin: true }),
    })
    const inputs = [
      {
        apiVersion: 'source.toolkit.fluxcd.io/v1',
        kind: 'GitRepository',
        metadata: { name: 'shop', namespace: NAMESPACE },
        spec: { url, ref: { branch: 'main' }, interval: '1m' },
      },
      {
        apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
        kind: 'Kustomization',
        metadata: { name: 'shop', namespace: NAMESPACE },
        spec: {
          sourceRef: { kind: 'GitRepository', name: 'shop' },
          path: `./${path}`,
          prune: true,
          interval: '10m',
          retryInterval: '2s',
        },
      },
    ]
    for (const input of inputs) await applied(plane, JSON.stringify(input))
    const directory = await mkdtemp(join(tmpdir(), 'gitops-guard-flux-'))
    const flux = new Flux({
      plane,
      artifacts: await ArtifactServer.start(repository),
      supervisor: new Supervisor(directory),
      source: { api: new ClusterApi(connection), connection },
      log: join(directory, 'kustomize-controller.log'),
    })
    const args = [`KUBECONFIG=${kubeconfig}`, `RUNTIME_NAMESPACE=${NAMESPACE}`, `TMPDIR=${directory}`, binary]
    args.push(`--metrics-addr=127.0.0.1:${await freePort()}`, `--health-addr=127.0.0.1:${await freePort()}`)
    args.push('--watch-all-namespaces=true', '--requeue-dependency=1s')
    await flux.#supervisor.start('kustomize-controller', { command: 'env', args, log: flux.#log })
    return flux
  }

  /** Tells the controller of a commit, as source-controller does after a fetch. */
  async bring(commit: string): Promise<void> {
    const artifact = await this.#artifacts.pack('main', commit)
    const now = new Date().toISOString()
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: 'Succeeded',
      message: 'stored',
      lastTransitionTime: now,
    }
    await this.#source.api.patch(
      GIT_REPOSITORY,
      { namespace: NAMESPACE, name: 'shop', subresource: 'status' },
      { status: { artifact: { ...artifact }, conditions: [ready] } },
      { type: 'application/merge-patch+json' },
    )
  }

  /** Waits until the controller says that it applied a commit. */
  async applied(commit: string, ms = 60_000): Promise<void> {
    await until(
      `Flux applies ${commit}`,
      async () => {
        const { body } = await this.#plane.api('GET', KUSTOMIZATION)
        return body.status?.lastAppliedRevision === `main@sha1:${commit}`
      },
      { ms },
    ).catch(async (error: unknown) => {
      const { body } = await this.#plane.api('GET', KUSTOMIZATION)
      const log = (await readFile(this.#log, 'utf8')).split('\n').slice(-8).join('\n')
      throw new Error(`${(error as Error).message}\n${JSON.stringify(body.status?.conditions)}\n${log}`)
    })
  }

  /** Lines of its log in which it reports an error. */
  async errors(): Promise<string[]> {
    return (await readFile(this.#log, 'utf8')).split('\n').filter((line) => line.includes('"level":"error"'))
  }

  async stop(): Promise<void> {
    this.#artifacts.close()
    this.#source.connection.close()
    await this.#supervisor.close()
  }
}

/** The real definitions of the controller's kinds, and of the sources that it takes from. */
export async function installCrds(plane: ControlPlane): Promise<void> {
  const { directory, module } = agentProgram('kustomize-controller')
  const [kustomize, source] = await Promise.all([
    moduleFolder(module, directory),
    moduleFolder('github.com/fluxcd/source-controller@v1.7.2'),
  ])
  await applied(
    plane,
    await readFile(join(kustomize, 'config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml')),
  )
  // The controller watches every kind of source that it knows.
  for (const kind of ['gitrepositories', 'buckets', 'ocirepositories', 'externalartifacts'])
    await applied(
      plane,
      await readFile(join(source, `config/crd/bases/source.toolkit.fluxcd.io_${kind}.yaml`)),
    )
  for (const path of [`/${SOURCES}/gitrepositories`, '/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations'])
    await until(`${path} is served`, async () => (await plane.api('GET', path)).status === 200)
}

async function applied(plane: ControlPlane, text: string | Buffer): Promise<void> {
  const args = ['apply', '--server-side', '-f', '-']
  const { code, stderr } = await plane.kubectl('admin', args, { stdin: text.toString() })
  if (code !== 0) throw new Error(`cannot apply: ${stderr}`)
}
