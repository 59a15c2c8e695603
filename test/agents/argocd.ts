import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAllDocuments, stringify } from 'yaml'
import type { ControlPlane } from '../control-plane/control-plane.ts'
import { freePort } from '../control-plane/free-port.ts'
import { Supervisor } from '../control-plane/supervisor.ts'
import { until } from '../e2e/until.ts'
import { agentProgram } from './agents.ts'
import { findProgram } from '../control-plane/find-program.ts'
import { findRedis } from './find-redis.ts'
import { moduleFolder } from '../control-plane/module-folder.ts'

const NAMESPACE = 'argocd'
const APPLICATION = `/apis/argoproj.io/v1alpha1/namespaces/${NAMESPACE}/applications/shop`
/** Of what Argo CD installs, everything that runs nothing. */
const PASSIVE = [
  'CustomResourceDefinition',
  'ServiceAccount',
  'Role',
  'RoleBinding',
  'ClusterRole',
  'ClusterRoleBinding',
  'ConfigMap',
  'Secret',
]

export interface ArgocdOptions {
  /** What the Application names. */
  url: string
  /** Folder in the repository. */
  path: string
}

/** The real Argo CD, "core": application-controller under its real identity and rights, repo-server and redis. */
export class Argocd {
  readonly #plane: ControlPlane
  readonly #supervisor: Supervisor
  readonly #directory: string

  private constructor(plane: ControlPlane, directory: string) {
    this.#plane = plane
    this.#directory = directory
    this.#supervisor = new Supervisor(directory)
  }

  /** Installs it and an Application `shop` that syncs, prunes and heals by itself, and starts its processes. */
  static async install(plane: ControlPlane, { url, path }: ArgocdOptions): Promise<Argocd> {
    const [binary, redis] = [await findProgram(agentProgram('argocd')), await findRedis()]
    const kubeconfig = await plane.serviceAccount(NAMESPACE, 'argocd-application-controller')
    await installManifests(plane)
    await makeApplication(plane, { url, path })
    const argocd = new Argocd(plane, await mkdtemp(join(tmpdir(), 'gitops-guard-argocd-')))
    await argocd.#run(binary, redis, kubeconfig)
    return argocd
  }

  /** Asks it to look at Git, as a push would: it takes the newest commit of the branch. */
  async bring(_commit: string): Promise<void> {
    await this.#refresh()
  }

  /** What went wrong, in its own words. */
  async errors(): Promise<string[]> {
    const log = await readFile(join(this.#directory, 'application-controller.log'), 'utf8')
    return log.split('\n').filter((line) => line.includes('"level":"error"'))
  }

  async #refresh(): Promise<void> {
    const body = { metadata: { annotations: { 'argocd.argoproj.io/refresh': 'normal' } } }
    const { status } = await this.#plane.api('PATCH', APPLICATION, body, 'application/merge-patch+json')
    if (status !== 200) throw new Error(`the Application cannot be refreshed: ${status}`)
  }

  /** Waits until it says that live is what a commit says. */
  async applied(commit: string, ms = 90_000): Promise<void> {
    let asked = 0
    await until(
      `Argo CD applies ${commit}`,
      async () => {
        const { body } = await this.#plane.api('GET', APPLICATION)
        const { sync, operationState } = body.status ?? {}
        if (sync?.status === 'Synced' && sync.revision === commit && operationState?.phase === 'Succeeded')
          return true
        // A refresh that came while it was comparing is lost.
        if (Date.now() - asked > 3_000) {
          asked = Date.now()
          await this.#refresh()
        }
        return false
      },
      { ms, seen: () => this.#state() },
    )
  }

  async stop(): Promise<void> {
    await this.#supervisor.close()
  }

  async #state(): Promise<unknown> {
    const { body } = await this.#plane.api('GET', APPLICATION)
    const tail = async (name: string) =>
      (await readFile(join(this.#directory, `${name}.log`), 'utf8')).split('\n').slice(-8)
    const { sync, conditions, operationState } = body.status ?? {}
    const said = {
      sync: sync?.status,
      revision: sync?.revision,
      conditions,
      message: operationState?.message,
    }
    return { said, controller: await tail('application-controller'), repo: await tail('repo-server') }
  }

  async #run(binary: string, redis: string, kubeconfig: string): Promise<void> {
    const directory = this.#directory
    const [redisPort, repoPort] = [await freePort(), await freePort()]
    const folder = async (name: string) => {
      await mkdir(join(directory, name), { recursive: true })
      return join(directory, name)
    }
    const env = [
      `KUBECONFIG=${kubeconfig}`,
      `HOME=${directory}`,
      `TMPDIR=${await folder('tmp')}`,
      `ARGOCD_TLS_DATA_PATH=${await folder('tls')}`,
      `ARGOCD_SSH_DATA_PATH=${await folder('ssh')}`,
      `ARGOCD_PLUGINSOCKFILEPATH=${await folder('plugins')}`,
      'ARGOCD_GPG_ENABLED=false',
      // "In the cluster" is where the kubeconfig says.
      'ARGOCD_FAKE_IN_CLUSTER=true',
      'ARGOCD_CONTROLLER_SHARD=0',
    ]
    const start = (name: string, args: string[]) =>
      this.#supervisor.start(name, { command: 'env', args, log: join(directory, `${name}.log`) })
    const server = `127.0.0.1:${redisPort}`
    const none = ['--save', '', '--appendonly', 'no']
    await start('redis', [redis, '--port', String(redisPort), '--bind', '127.0.0.1', ...none])
    await start('repo-server', [
      ...env,
      'ARGOCD_BINARY_NAME=argocd-repo-server',
      binary,
      `--redis=${server}`,
      '--address=127.0.0.1',
      `--port=${repoPort}`,
      '--metrics-address=127.0.0.1',
      `--metrics-port=${await freePort()}`,
      '--disable-tls',
    ])
    await start('application-controller', [
      ...env,
      'ARGOCD_BINARY_NAME=argocd-application-controller',
      binary,
      `--namespace=${NAMESPACE}`,
      `--redis=${server}`,
      `--repo-server=127.0.0.1:${repoPort}`,
      '--repo-server-plaintext',
      `--metrics-port=${await freePort()}`,
    ])
  }
}

async function installManifests(plane: ControlPlane): Promise<void> {
  const { module, directory } = agentProgram('argocd')
  const text = await readFile(
    join(await moduleFolder(module, directory), 'manifests/core-install.yaml'),
    'utf8',
  )
  const objects = parseAllDocuments(text)
    .map((document) => document.toJS() as { kind: string; metadata: { name: string } } | null)
    .filter((object) => object !== null && PASSIVE.includes(object.kind))
  await apply(plane, objects)
  // argocd-server would fill it in; it is not run here.
  const secret = { stringData: { 'server.secretkey': randomBytes(32).toString('base64') } }
  const path = `/api/v1/namespaces/${NAMESPACE}/secrets/argocd-secret`
  await plane.api('PATCH', path, secret, 'application/merge-patch+json')
}

async function makeApplication(plane: ControlPlane, { url, path }: ArgocdOptions): Promise<void> {
  const server = 'https://kubernetes.default.svc'
  const about = (kind: string, name: string) => ({
    apiVersion: 'argoproj.io/v1alpha1',
    kind,
    metadata: { name, namespace: NAMESPACE },
  })
  const objects = [
    {
      ...about('AppProject', 'default'),
      spec: {
        sourceRepos: ['*'],
        destinations: [{ namespace: '*', server: '*' }],
        clusterResourceWhitelist: [{ group: '*', kind: '*' }],
      },
    },
    {
      ...about('Application', 'shop'),
      spec: {
        project: 'default',
        source: { repoURL: url, targetRevision: 'main', path },
        destination: { server },
        syncPolicy: { automated: { prune: true, selfHeal: true } },
      },
    },
  ]
  for (const object of objects) {
    const collection = `/apis/argoproj.io/v1alpha1/namespaces/${NAMESPACE}/${object.kind.toLowerCase()}s`
    // Its CRD is served a moment after it was applied.
    await until(`${object.kind} is served`, async () => {
      return (await plane.api('POST', collection, object)).status === 201
    })
  }
}

async function apply(plane: ControlPlane, objects: unknown[]): Promise<void> {
  const args = ['apply', '--server-side', '-n', NAMESPACE, '-f', '-']
  const stdin = objects.map((object) => stringify(object)).join('---\n')
  const { code, stderr } = await plane.kubectl('admin', args, { stdin })
  if (code !== 0) throw new Error(`cannot apply: ${stderr}`)
}
