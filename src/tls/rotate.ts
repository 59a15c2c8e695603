import { X509Certificate } from 'node:crypto'
import { createAuthority } from './authority.ts'
import type { CertificateStore } from './certificate-store.ts'
import { issueServing, type ServingNames } from './issue.ts'
import { DEFAULT_LIFETIMES, plan, validity, type Lifetimes } from './plan.ts'
import { caBundle, parseState, serializeState, type CertificateState } from './state.ts'

/** What is served, and what the API server has to trust for it; all PEM. */
export interface ServedCertificate {
  /** For `clientConfig.caBundle`: holds more than one authority while one takes over from another. */
  caBundle: string
  certificate: string
  key: string
}

/** What {@link Certificates} works with. */
export interface CertificatesOptions {
  store: CertificateStore
  names: ServingNames
  /** Called when what is served or trusted changed: by this replica or by another. Not called for the first. */
  onChange(served: ServedCertificate): void
  /** The store failed, or held something unusable. What is served stays, and it is tried again. */
  onError(error: Error): void
  /** Milliseconds since the epoch. */
  now?(): number
  lifetimes?: Lifetimes
  /**
   * How long after {@link Certificates.published} every API server is taken to know the bundle, in milliseconds. They
   * learn of it by their watch. Default 10 s.
   */
  settleMs?: number
  /** How often at least the clock and the store are looked at, in milliseconds. Default 10 s. */
  checkMs?: number
}

/**
 * The guard's authority and serving certificate: made, kept, shared between replicas and renewed in time.
 *
 * An authority is renewed in three steps, so that at no time a replica serves what an API server does not trust:
 * the next one is made and joins the bundle; whoever keeps the webhook configuration says {@link published}; then the
 * serving certificate comes from it, and the old one stays in the bundle until it ends.
 */
export class Certificates {
  readonly #options: Required<CertificatesOptions>
  #state!: CertificateState
  /** The store's version of `#state`. */
  #version: string | undefined
  #timer: NodeJS.Timeout | undefined
  #settle: NodeJS.Timeout | undefined
  #stopped = false
  #queue: Promise<void> = Promise.resolve()

  private constructor(options: CertificatesOptions) {
    this.#options = {
      now: Date.now,
      lifetimes: DEFAULT_LIFETIMES,
      settleMs: 10_000,
      checkMs: 10_000,
      ...options,
    }
  }

  /** Loads what there is, makes what is missing, and keeps it fresh until {@link stop}. Rejects when the store fails. */
  static async start(options: CertificatesOptions): Promise<Certificates> {
    const certificates = new Certificates(options)
    await certificates.#first()
    certificates.#schedule()
    return certificates
  }

  /** What to serve now. */
  get current(): ServedCertificate {
    return {
      caBundle: caBundle(this.#state),
      certificate: this.#state.serving.certificate,
      key: this.#state.serving.key,
    }
  }

  /** When the serving certificate ends, milliseconds since the epoch: for a metric and for `doctor`. */
  get expiresAt(): number {
    return new X509Certificate(this.#state.serving.certificate).validToDate.getTime()
  }

  /** The webhook configuration holds this bundle now. */
  published(bundle: string): void {
    if (this.#settle !== undefined || this.#stopped || !this.#awaits(bundle)) return
    this.#settle = setTimeout(() => {
      this.#settle = undefined
      void this.#enqueue(async () => {
        if (this.#awaits(bundle)) await this.#save(await this.#promoted())
      })
    }, this.#options.settleMs).unref()
  }

  /**
   * Looks at the store and the clock now: before a replica puts its own bundle back into a webhook configuration that
   * holds another one, since that may be another replica's newer one. Never rejects.
   */
  async refresh(): Promise<void> {
    await this.#enqueue(async () => {
      await this.#reload()
      await this.#renew()
    })
    this.#schedule()
  }

  /** Ends renewal. What is served stays readable. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    clearTimeout(this.#settle)
  }

  #awaits(bundle: string): boolean {
    const { next } = this.#state
    return next !== undefined && bundle.includes(next.certificate.trim())
  }

  async #first(): Promise<void> {
    const { store, onError } = this.#options
    for (let tries = 0; ; tries++) {
      const stored = await store.load()
      const state = stored === undefined ? undefined : parseState(stored.text)
      if (stored !== undefined && state === undefined) {
        onError(new Error('the stored certificates cannot be used: new ones are made'))
      }
      this.#version = stored?.version
      if (state !== undefined) {
        this.#state = state
        return this.#renew()
      }
      const made = await this.#fresh([])
      const text = serializeState(made)
      const version = await store.save(text, this.#version)
      if (version !== false) {
        this.#state = made
        this.#version = version
        return
      }
      if (tries === 5) throw new Error('cannot save the certificates: somebody else keeps changing them')
    }
  }

  /** Takes over what another replica saved. Something unusable is written over: the state in memory is good. */
  async #reload(): Promise<void> {
    const stored = await this.#options.store.load()
    if (stored !== undefined && stored.version === this.#version) return
    const state = stored === undefined ? undefined : parseState(stored.text)
    if (state !== undefined) {
      this.#version = stored?.version
      this.#use(state)
      return
    }
    this.#options.onError(new Error('the stored certificates were lost or damaged: they are saved again'))
    this.#version = stored?.version
    await this.#save(this.#state)
  }

  async #renew(): Promise<void> {
    // Each step can make the next one due: a new authority wants a new serving certificate.
    for (let steps = 0; steps < 4; steps++) {
      const { step } = plan(this.#state, { now: this.#options.now(), names: this.#options.names })
      if (step === 'wait') return
      if (step === 'replace-authority') await this.#save(await this.#replaced())
      if (step === 'prepare-authority') await this.#save({ ...this.#state, next: await this.#authority() })
      if (step === 'renew-serving') await this.#save(await this.#reissued(this.#state))
    }
  }

  #authority() {
    const predecessor = (this.#state as CertificateState | undefined)?.authority.certificate
    return createAuthority({
      validity: validity(this.#options.lifetimes.authority, {
        now: this.#options.now(),
        ...(predecessor === undefined ? {} : { predecessor }),
      }),
    })
  }

  async #fresh(retired: readonly string[]): Promise<CertificateState> {
    const authority = await this.#authority()
    const serving = await issueServing(authority, {
      names: this.#options.names,
      validity: validity(this.#options.lifetimes.serving, { now: this.#options.now() }),
    })
    return { authority, serving, retired }
  }

  async #replaced(): Promise<CertificateState> {
    const { next, authority, retired } = this.#state
    if (next !== undefined && !this.#ended(next.certificate)) return this.#promoted()
    // The old one stays in the bundle: it may be this clock that is wrong.
    return this.#fresh([authority.certificate, ...retired].slice(0, MAX_RETIRED))
  }

  async #promoted(): Promise<CertificateState> {
    const { next, authority, retired, serving } = this.#state
    if (next === undefined) return this.#state
    const kept = [authority.certificate, ...retired.filter((pem) => !this.#ended(pem))]
    return this.#reissued({ authority: next, retired: kept.slice(0, MAX_RETIRED), serving })
  }

  /** The names that it had stay in it, so that replicas which want different ones do not take turns. */
  async #reissued(state: CertificateState): Promise<CertificateState> {
    const old = namesOf(state.serving.certificate)
    const { names, lifetimes, now } = this.#options
    const serving = await issueServing(state.authority, {
      names: {
        dnsNames: [...new Set([...names.dnsNames, ...old.dnsNames])].slice(0, MAX_NAMES),
        ips: [...new Set([...names.ips, ...old.ips])].slice(0, MAX_NAMES),
      },
      validity: validity(lifetimes.serving, { now: now(), predecessor: state.serving.certificate }),
    })
    return { ...state, serving }
  }

  #ended(pem: string): boolean {
    return new X509Certificate(pem).validToDate.getTime() < this.#options.now()
  }

  /** Saves, or takes over what somebody else saved first. */
  async #save(state: CertificateState): Promise<void> {
    const { store } = this.#options
    const version = await store.save(serializeState(state), this.#version)
    if (version !== false) {
      this.#version = version
      this.#use(state)
      return
    }
    const stored = await store.load()
    const theirs = stored === undefined ? undefined : parseState(stored.text)
    if (stored === undefined || theirs === undefined) throw new Error('cannot save the certificates')
    this.#version = stored.version
    this.#use(theirs)
  }

  #use(state: CertificateState): void {
    const before = this.current
    this.#state = state
    const { caBundle, certificate } = this.current
    if (caBundle === before.caBundle && certificate === before.certificate) return
    try {
      this.#options.onChange(this.current)
    } catch (error) {
      this.#options.onError(error as Error)
    }
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(work).catch((error: unknown) => this.#options.onError(error as Error))
    return this.#queue
  }

  /** Never sleeps long: timers do not notice that the clock was set, and overflow after 24 days. */
  #schedule(): void {
    clearTimeout(this.#timer)
    if (this.#stopped) return
    const { now, names, checkMs } = this.#options
    const next = plan(this.#state, { now: now(), names })
    const wait = next.step === 'wait' ? next.until - now() : checkMs
    this.#timer = setTimeout(() => void this.refresh(), Math.min(Math.max(wait, 50), checkMs)).unref()
  }
}

const MAX_NAMES = 50
/** Two rotations that a wrong clock forced in a row. */
const MAX_RETIRED = 3

function namesOf(pem: string): ServingNames {
  const entries = (new X509Certificate(pem).subjectAltName ?? '').split(', ')
  const values = (prefix: string) =>
    entries.filter((entry) => entry.startsWith(prefix)).map((entry) => entry.slice(prefix.length))
  return { dnsNames: values('DNS:'), ips: values('IP Address:') }
}
