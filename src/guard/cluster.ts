import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AdmissionWatch, type Affects } from '../cluster/admission-watch.ts'
import { AgentObjects, APPLICATIONS, GIT_REPOSITORIES, KUSTOMIZATIONS } from '../cluster/agent-objects.ts'
import { AgentProgressReader } from '../cluster/agent-progress.ts'
import { ApiError } from '../cluster/api-error.ts'
import { ClusterApi } from '../cluster/api.ts'
import { CanonicalForms } from '../cluster/canonical.ts'
import type { Connection } from '../cluster/connection.ts'
import { Discovery } from '../cluster/discovery.ts'
import { Shapes } from '../cluster/shapes.ts'
import { formatSupport, serverSupport, type ServerSupport } from '../doctor/server-support.ts'
import { sameRepository } from '../git/same-repository.ts'
import type { KubeObject } from '../model/json.ts'
import type { Logger } from '../telemetry/logger.ts'
import { sharesControllerIdentity, whoAmI } from './identity.ts'

export interface ClusterOptions {
  connection: Connection
  /** Where canonical forms are kept; absent: in memory. */
  stateDir: string | undefined
  logger: Logger
  onRequest(request: { verb: string; code: number }): void
  /** What these objects are stored as may be another thing now. */
  onChange(affects: Affects): void
  /** A webhook or policy that rewrites objects on their way in came or was changed. */
  onMutator(object: KubeObject, affects: Affects): void
}

/** Between two tries to reach the API server at the start, in milliseconds. */
const RETRY_MS = 1000

/** The API server as a guard knows it, whatever configuration is in force: what it serves, what it stores, how far the agents are. */
export class Cluster {
  readonly api: ClusterApi
  readonly discovery: Discovery
  readonly forms: CanonicalForms
  readonly agentObjects: AgentObjects
  readonly progress: AgentProgressReader
  readonly #logger: Logger
  readonly #admission: AdmissionWatch
  #username = ''
  #shared = false
  #unreached: string | undefined
  #stopKinds: (() => Promise<void>) | undefined
  #stopping = false

  constructor({ connection, stateDir, logger, onRequest, onChange, onMutator }: ClusterOptions) {
    this.#logger = logger
    const said = (message: string) => (error: unknown) => logger.warn({ err: error }, message)
    const api = (this.api = new ClusterApi(connection, { onRequest }))
    const discovery = (this.discovery = new Discovery({ api, onError: said('discovery') }))
    this.forms = new CanonicalForms({
      api,
      discovery,
      shapes: new Shapes(api),
      file: stateDir === undefined ? undefined : join(stateDir, 'forms.json'),
      admission: (resource, namespace) => this.#admission.fingerprint(resource, namespace),
      onError: said('canonical forms'),
    })
    this.#admission = new AdmissionWatch({
      api,
      discovery,
      onChange: (affects) => {
        this.forms.forget()
        onChange(affects)
      },
      onMutator,
      onError: said('what admission changes cannot be seen'),
    })
    this.agentObjects = new AgentObjects({
      api,
      resources: [KUSTOMIZATIONS, GIT_REPOSITORIES, APPLICATIONS],
      onError: said("agents' objects cannot be read"),
    })
    this.progress = new AgentProgressReader({
      api,
      objects: this.agentObjects,
      same: sameRepository,
      onError: said("an agent's progress cannot be read"),
    })
  }

  /** The username that the API server knows the guard by; '' before it was reached. */
  get username(): string {
    return this.#username
  }

  /** Whether all system controllers act under one identity. */
  get sharedControllerIdentity(): boolean {
    return this.#shared
  }

  /** Why the API server was not reached at the last try. */
  get unreached(): string | undefined {
    return this.#unreached
  }

  /** Which Kubernetes it is, and what of it is lacking. */
  get server(): { version: string; support: ServerSupport } {
    const { serverVersion, emulatedVersion } = this.discovery
    const version = emulatedVersion === undefined ? serverVersion : `${serverVersion} as ${emulatedVersion}`
    return { version, support: serverSupport(serverVersion, emulatedVersion) }
  }

  /**
   * Waits until the API server answers. One that has just come up refuses everybody for a moment, and rights may be given
   * later: the log and `/readyz` say what is missing.
   *
   * @throws what is no answer of the API server's, and whatever it is once `stop` was called.
   */
  async reach(): Promise<void> {
    for (;;) {
      try {
        await this.discovery.refresh()
        await this.forms.refresh()
        this.#username = await whoAmI(this.api)
        this.#unreached = undefined
        return
      } catch (error) {
        if (this.#stopping || !(error instanceof ApiError)) throw error
        if (error.message !== this.#unreached)
          this.#logger.warn({ err: error }, 'the API server cannot be reached')
        this.#unreached = error.message
        await sleep(RETRY_MS)
      }
    }
  }

  /** Follows what admission changes and what agents do. Once it was reached. */
  async start(): Promise<void> {
    this.#saySupport()
    await this.#admission.start()
    this.agentObjects.start()
    this.#shared = await sharesControllerIdentity(this.api)
    if (this.#shared) {
      this.#logger.warn(
        'controllers share the identity system:kube-controller-manager: their jobs cannot be told apart',
      )
    }
  }

  /** Calls `onChange` with the kinds (`group/Kind`) that are served otherwise now. Resolves when all kinds are known. */
  async followKinds(onChange: (kinds: ReadonlySet<string>) => void): Promise<void> {
    this.#stopKinds = this.discovery.watch((changed) => {
      const cannot = (error: unknown) =>
        this.#logger.warn(
          { err: error },
          'schemas cannot be read: those known are used until kinds change again',
        )
      void this.forms
        .refresh()
        .catch(cannot)
        .then(() => onChange(changed))
    })
    // Until all CRDs are known, a kind that is stored at another version would be compared at the declared one.
    await this.discovery.synced()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#admission.stop()
    await this.agentObjects.stop()
    await this.#stopKinds?.()
  }

  /** Keeps what was learned of canonical forms. */
  close(): void {
    this.forms.close()
  }

  /** What the API server lacks, once. */
  #saySupport(): void {
    const { version, support } = this.server
    if (support.tried === 'yes' && support.lacks.length === 0) return
    const grave = support.tried === 'older' || support.tried === 'newer'
    const facts = { kubernetes: version, lacks: support.lacks.map(({ name }) => name) }
    this.#logger[grave ? 'warn' : 'info'](facts, formatSupport(version, support))
  }
}
