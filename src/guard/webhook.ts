import type { AdmissionServer } from '../admission/server.ts'
import type { ClusterApi } from '../cluster/api.ts'
import type { Discovery } from '../cluster/discovery.ts'
import type { Restoration } from '../cluster/keep.ts'
import type { Environment } from '../config/environment.ts'
import type { Ledger } from '../reconcile/ledger.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Certificates } from '../tls/rotate.ts'
import { admissionServer } from './admission.ts'
import { AuditIntake } from './audit-intake.ts'
import { startCertificates } from './certificates.ts'
import { clientTarget } from './client-target.ts'
import type { Core } from './core.ts'
import type { Exceptions } from './exceptions.ts'
import { Registrar } from './registrar.ts'
import { Registration } from './registration.ts'
import type { Settings } from './settings.ts'
import type { Teller } from './tell.ts'
import type { Writers } from './writers.ts'

export interface WebhookOptions {
  /** Of the start: what is served over HTTPS stays when the configuration becomes another. */
  settings: Settings
  environment: Environment
  /** The guard's. */
  namespace: string
  /** Registered instead of the Service. */
  webhookUrl: string | undefined
  api: ClusterApi
  discovery: Discovery
  /** The one in force; undefined before there is one. */
  core(): Core | undefined
  ledger: Ledger
  exceptions: Exceptions
  writers: Writers
  teller: Teller
  /** There are other certificates, until then (milliseconds since the epoch). */
  onCertificate(expiresAt: number): void
  logger: Logger
}

/** Where no Service moves callers elsewhere, waiting for them to go is in vain; in milliseconds. */
const DRAIN_WITHOUT_SERVICE_MS = 500

/** What the API server calls: the server, the certificates that it serves, and the registration that says where it is. */
export class Webhook {
  readonly #options: WebhookOptions
  #certificates: Certificates | undefined
  #server: AdmissionServer | undefined
  #registrar: Registrar | undefined

  constructor(options: WebhookOptions) {
    this.#options = options
  }

  /**
   * Serves; nothing is registered yet. Returns the port.
   *
   * @throws Error where the port is taken, or the certificates cannot be kept.
   */
  async start(port: number): Promise<number> {
    const certificates = (this.#certificates = await this.#startCertificates())
    this.#server = await this.#serverWith(certificates)
    const bound = await this.#server.listen(port)
    this.#registrar = this.#registrarWith(certificates)
    return bound
  }

  /** The API server asks the guard. */
  get registered(): boolean {
    return this.#registrar?.registered ?? false
  }

  /** Why somebody's policy or webhook refuses the guard its own objects, by object. */
  refusals(): ReadonlyMap<string, string> {
    return this.#registrar?.refusals() ?? new Map()
  }

  /** Registers it as the policy in force wants it. Never rejects. */
  async register(): Promise<void> {
    await this.#registrar?.register()
  }

  /** The policy is another one now. */
  renew(): void {
    this.#registrar?.renew()
  }

  /** Leaves the registration alone while the guard is being uninstalled, or keeps it again. */
  async stepDown(down: boolean): Promise<void> {
    await this.#registrar?.stepDown(down)
  }

  /** What is registered stays: a guard that is down still refuses people. */
  async stop(): Promise<void> {
    await this.#registrar?.stop()
    await this.#server?.stop()
    this.#certificates?.stop()
  }

  async #startCertificates(): Promise<Certificates> {
    const { api, namespace, environment, settings, webhookUrl, onCertificate, logger } = this.#options
    const certificates = await startCertificates({
      api,
      namespace,
      environment,
      stateDir: settings.config.stateDir,
      webhookUrl,
      onChange: (served) => {
        this.#server?.setCertificates(served)
        onCertificate(certificates.expiresAt)
        this.#registrar?.renew()
      },
      onError: (error) => logger.error({ err: error }, 'certificates'),
    })
    onCertificate(certificates.expiresAt)
    return certificates
  }

  #serverWith(certificates: Certificates): Promise<AdmissionServer> {
    const { settings, webhookUrl, discovery, core, ledger, exceptions, writers, teller, logger } =
      this.#options
    const kindOf = (group: string, resource: string) => discovery.kindOf(group, resource)
    return admissionServer({
      core,
      certificate: certificates.current,
      clientCA: settings.config.clientCA,
      kindOf,
      audit: new AuditIntake({
        token: async () => settings.config.audit?.token?.read(),
        policy: () => inForce(core).policy,
        kindOf,
        ledger,
        onPosed: (write) => teller.posed(write, inForce(core).policy),
      }),
      exceptions,
      writers,
      teller,
      logger,
      drain: webhookUrl === undefined ? undefined : DRAIN_WITHOUT_SERVICE_MS,
    })
  }

  #registrarWith(certificates: Certificates): Registrar {
    const { api, discovery, namespace, webhookUrl, core, teller, logger } = this.#options
    const registration = new Registration({
      api,
      discovery,
      target: clientTarget(namespace, webhookUrl),
      onRestored: (what: string, restoration: Restoration) => teller.restored(what, restoration),
      onError: (error) => logger.error({ err: error }, 'registration'),
      onPublished: (bundle) => certificates.published(bundle),
    })
    const facts = () => {
      const { policy, index } = inForce(core)
      return { policy, index, caBundle: certificates.current.caBundle }
    }
    return new Registrar({ api, namespace, registration, facts, logger })
  }
}

function inForce(core: () => Core | undefined): Core {
  const running = core()
  if (running === undefined)
    throw new Error('there is no configuration in force yet: Git is still being read')
  return running
}
