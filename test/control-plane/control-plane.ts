import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { anotherVersion, type RunnableVersion } from './another-version.ts'
import { ApiClient, type ApiAnswer } from './api-client.ts'
import { apiServerArguments, controllerManagerArguments, files } from './arguments.ts'
import { findBinaries, type Binaries } from './binaries.ts'
import { writeCredentials, type Credentials } from './credentials.ts'
import { freePort } from './free-port.ts'
import { Processes } from './processes.ts'
import type { Progress } from './progress.ts'
import { runCommand, type CommandOptions, type CommandResult } from './run-command.ts'
import { Supervisor } from './supervisor.ts'
import { bindClusterAdmin, serviceAccountToken, Users } from './users.ts'

/** How to start a control plane. */
export interface ControlPlaneOptions {
  /** Default: {@link findBinaries}. */
  binaries?: Binaries
  /** Another Kubernetes than the pinned one, such as `1.32`: {@link anotherVersion}. Default: KUBERNETES_VERSION. */
  kubernetesVersion?: string
  /** Default: lines on standard error, only when something takes long. */
  progress?: Progress
  /** Default: true. Without it nothing is rolled out, collected or removed with its namespace. */
  kubeControllerManager?: boolean
  /** Default: true, as kubeadm does. False: all controllers are `system:kube-controller-manager`, bound to cluster-admin. */
  useServiceAccountCredentials?: boolean
  featureGates?: Record<string, boolean>
  /** More arguments of kube-apiserver, e.g. `--audit-policy-file=...`; they win over the default ones. */
  apiServerArgs?: string[]
  /** More arguments of kube-controller-manager. */
  controllerManagerArgs?: string[]
  /** An AdmissionConfiguration file, absolute. */
  admissionConfigFile?: string
}

/** How a process is ended: SIGTERM, then SIGKILL after so many milliseconds; 0 is SIGKILL at once. */
export interface EndOptions {
  graceMs?: number
}

/** The API server takes about one second, ending its watches. */
const API_SERVER_GRACE_MS = 10_000
/** etcd would wait for the API server to go away. */
const ETCD_GRACE_MS = 0
const PORT_TRIES = 6
const CONTROLLER_MANAGER = 'system:kube-controller-manager'

/** Starts a control plane on free loopback ports and waits until it works. It ends when this process does. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const { kubeControllerManager = true } = options
  const { binaries, arguments: more } = await chosenVersion(options)
  const dir = await mkdtemp(join(tmpdir(), 'gitops-guard-'))
  const supervisor = new Supervisor(dir)
  try {
    const processes = new Processes(dir, supervisor)
    const [credentials] = await Promise.all([writeCredentials(dir), processes.startEtcd(binaries.etcd)])
    const plane = new ControlPlane({
      options: {
        ...options,
        kubeControllerManager,
        apiServerArgs: [...more, ...(options.apiServerArgs ?? [])],
        controllerManagerArgs: [...more, ...(options.controllerManagerArgs ?? [])],
      },
      binaries,
      dir,
      processes,
      credentials,
      supervisor,
    })
    await plane.startAll()
    return plane
  } catch (error) {
    await supervisor.close()
    throw error
  }
}

async function chosenVersion(options: ControlPlaneOptions): Promise<RunnableVersion> {
  const { binaries, progress, kubeControllerManager = true } = options
  if (binaries !== undefined) return { binaries, arguments: [] }
  const find = { kubeControllerManager, ...(progress ? { progress } : {}) }
  const minor = options.kubernetesVersion ?? process.env.KUBERNETES_VERSION
  return minor ? await anotherVersion(minor, find) : { binaries: await findBinaries(find), arguments: [] }
}

interface Parts {
  options: ControlPlaneOptions
  binaries: Binaries
  dir: string
  supervisor: Supervisor
  processes: Processes
  credentials: Credentials
}

/** A running control plane: a real API server, with its etcd and its controllers, and no nodes. */
export class ControlPlane {
  /** Everything that it writes; removed when it stops. */
  readonly dir: string
  readonly binaries: Binaries
  /** Of the API server, e.g. `v1.36.3`. */
  readonly version: string
  /** Log files, by process. */
  readonly logs: { etcd: string; apiServer: string; controllerManager: string }
  readonly #parts: Parts
  #port = 0
  #client!: ApiClient
  #users!: Users

  /** For {@link startControlPlane}. */
  constructor(parts: Parts) {
    this.#parts = parts
    this.dir = parts.dir
    this.binaries = parts.binaries
    this.version = parts.binaries.version
    this.logs = {
      etcd: parts.processes.log('etcd'),
      apiServer: parts.processes.log('kube-apiserver'),
      controllerManager: parts.processes.log('kube-controller-manager'),
    }
  }

  /** `https://127.0.0.1:PORT` */
  get url(): string {
    return `https://127.0.0.1:${this.#port}`
  }

  /** The CA of the API server's certificate, PEM in base64 as a kubeconfig has it. */
  get caData(): string {
    return Buffer.from(this.#parts.credentials.authority.certificate).toString('base64')
  }

  /** For {@link startControlPlane}: everything after etcd. */
  async startAll(): Promise<void> {
    await this.#choosePort()
    await this.#runApiServer(() => this.#choosePort())
    const { kubeControllerManager, useServiceAccountCredentials = true } = this.#parts.options
    const admins = useServiceAccountCredentials ? ['alice'] : ['alice', CONTROLLER_MANAGER]
    const bound = Promise.all(admins.map((name) => bindClusterAdmin(this.#client, { kind: 'User', name })))
    await Promise.all([bound, kubeControllerManager ? this.#runControllerManager() : undefined])
  }

  /** The kubeconfig file of `admin` (system:masters), `alice` (group developers, cluster-admin) or a user made below. */
  kubeconfig(user: string): string {
    return this.#users.path(user)
  }

  /** Makes a user with a client certificate; returns its kubeconfig file. */
  async user(name: string, options: { groups?: string[]; clusterAdmin?: boolean } = {}): Promise<string> {
    const { authority } = this.#parts.credentials
    const login = await authority.issue({ commonName: name, organizations: options.groups ?? [] })
    if (options.clusterAdmin) await bindClusterAdmin(this.#client, { kind: 'User', name })
    return this.#users.add(name, login)
  }

  /**
   * Makes a service account, and its namespace, with a real token; the user for {@link kubectl} is
   * `system:serviceaccount:NAMESPACE:NAME`. Returns its kubeconfig file.
   */
  async serviceAccount(
    namespace: string,
    name: string,
    options: { clusterAdmin?: boolean } = {},
  ): Promise<string> {
    const token = await serviceAccountToken(this.#client, namespace, name)
    if (options.clusterAdmin)
      await bindClusterAdmin(this.#client, { kind: 'ServiceAccount', name, namespace })
    return this.#users.add(`system:serviceaccount:${namespace}:${name}`, { token })
  }

  /** Runs the real kubectl as a user, or with a kubeconfig file given by its absolute path. */
  kubectl(user: string, args: string[], options: CommandOptions = {}): Promise<CommandResult> {
    const path = isAbsolute(user) ? user : this.kubeconfig(user)
    return runCommand(this.binaries.kubectl, [`--kubeconfig=${path}`, ...args], {
      ...options,
      // Caches by host and port, which the next control plane may get: so each has a cache of its own.
      env: {
        KUBECACHEDIR: files(this.dir).kubectlCache,
        KUBERC: 'off',
        KUBECONFIG: undefined,
        ...options.env,
      },
    })
  }

  /** A raw request as admin. */
  api(method: string, path: string, body?: unknown, contentType?: string): Promise<ApiAnswer> {
    return this.#client.send(method, path, body, contentType)
  }

  /**
   * Makes a Service of type ExternalName 127.0.0.1, and its namespace, so that a webhook whose clientConfig is
   * `service: { namespace, name, port }` reaches 127.0.0.1:port as it would a Service in a cluster: the API server wants
   * a certificate for `NAME.NAMESPACE.svc` and speaks HTTP/1.1. It needs no flag, and no port in the Service.
   */
  async webhookService(namespace: string, name: string): Promise<void> {
    await this.#client.ensure('/api/v1/namespaces', { metadata: { name: namespace } })
    await this.#client.ensure(`/api/v1/namespaces/${namespace}/services`, {
      metadata: { name },
      spec: { type: 'ExternalName', externalName: '127.0.0.1' },
    })
  }

  /** By default as a rollout would: it takes about a second. `graceMs: 0` is a crash. */
  async stopApiServer({ graceMs = API_SERVER_GRACE_MS }: EndOptions = {}): Promise<void> {
    await this.#parts.processes.end('kube-apiserver', graceMs)
  }

  /** On the same port as before. */
  async startApiServer(): Promise<void> {
    await this.#runApiServer(() => sleep(1000))
  }

  async restartApiServer(options: EndOptions = {}): Promise<void> {
    await this.stopApiServer(options)
    await this.startApiServer()
  }

  /** A new process, as after a crash of its host. Resolves when it works. */
  async restartControllerManager(): Promise<void> {
    await this.#parts.processes.end('kube-controller-manager', 0)
    await this.#runControllerManager()
  }

  /** By default a crash. */
  async stopEtcd({ graceMs = ETCD_GRACE_MS }: EndOptions = {}): Promise<void> {
    await this.#parts.processes.end('etcd', graceMs)
  }

  /** With the data that it had. Resolves when the API server is ready again too, if that runs. */
  async startEtcd(): Promise<void> {
    await this.#parts.processes.startEtcd(this.binaries.etcd)
    if (this.#parts.supervisor.runs('kube-apiserver')) await this.#waitForApiServer()
  }

  async restartEtcd(options: EndOptions = {}): Promise<void> {
    await this.stopEtcd(options)
    await this.startEtcd()
  }

  /** Kills all and removes `dir`. */
  async stop(): Promise<void> {
    this.#client.close()
    await this.#parts.supervisor.close()
  }

  async #choosePort(): Promise<void> {
    this.#port = await freePort()
    const { authority, admin, alice, controllerManager } = this.#parts.credentials
    this.#client = new ApiClient(this.url, { ca: authority.certificate, ...admin })
    this.#users = new Users({ directory: this.dir, url: this.url, ca: authority.certificate })
    this.#users.add('admin', admin)
    this.#users.add('alice', alice)
    this.#users.add(CONTROLLER_MANAGER, controllerManager)
  }

  /** `portTaken` is called when somebody else has the port, before the next try. */
  async #runApiServer(portTaken: () => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        const args = apiServerArguments({ directory: this.dir, port: this.#port }, this.#parts.options)
        await this.#parts.processes.start('kube-apiserver', this.binaries.kubeApiserver, args)
        await this.#waitForApiServer()
        return
      } catch (error) {
        if (tries === PORT_TRIES || !/address already in use/.test((error as Error).message)) throw error
        await portTaken()
      }
    }
  }

  async #waitForApiServer(): Promise<void> {
    await this.#parts.processes.waitFor('kube-apiserver', async () => {
      const { status, body } = await this.api('GET', '/readyz')
      return status === 200 ? undefined : `/readyz: ${status} ${String(body)}`
    })
  }

  /** Ready when the service account controller has made the first account: without that no Pod is admitted. */
  async #runControllerManager(): Promise<void> {
    const command = this.binaries.kubeControllerManager
    if (command === undefined)
      throw new Error('no kube-controller-manager among the binaries: see findBinaries')
    const args = controllerManagerArguments(this.dir, {
      ...this.#parts.options,
      kubeconfig: this.kubeconfig(CONTROLLER_MANAGER),
    })
    await this.#parts.processes.start('kube-controller-manager', command, args)
    await this.#parts.processes.waitFor('kube-controller-manager', async () => {
      const { status } = await this.api('GET', '/api/v1/namespaces/default/serviceaccounts/default')
      return status === 200 ? undefined : `serviceaccounts/default: ${status}`
    })
  }
}
