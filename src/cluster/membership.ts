/** Which replicas of the guard are there: each keeps a Lease, and all watch them. */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeObject } from '../model/json.ts'
import { fieldOf } from '../object/json.ts'
import type { ClusterApi } from './api.ts'
import { ApiError } from './api-error.ts'
import { Reflector } from './reflector.ts'

const LEASES = {
  group: 'coordination.k8s.io',
  version: 'v1',
  resource: 'leases',
  kind: 'Lease',
  namespaced: true,
}
const LABEL = 'gitops-guard.dev/replica'

export interface MembershipOptions {
  api: ClusterApi
  namespace: string
  /** This replica's name: no two have the same. */
  replica: string
  /** Replicas came or went. */
  onChange(members: readonly string[]): void
  onError(error: Error): void
  /** Milliseconds between renewals. Default 2 s; a replica that does not renew for three times as long is gone. */
  renewMs?: number
}

/** A replica as its Lease shows it. */
interface Member {
  /** What its renewal said last; clocks differ, so only that it changes counts. */
  renewed: string
  /** By this replica's clock. -Infinity: its renewal was old when it was seen first, so that it has to show that it lives. */
  seenAt: number
  lease: KubeObject
  /** By this replica's clock. */
  since: number
}

/** Renewals that a replica may miss. */
const MISSES = 3
/** Renewals after which the Lease of one that died is removed. */
const FORGOTTEN = 30
/** How long a start waits to learn who is there, in milliseconds. */
const PATIENCE_MS = 3_000

/**
 * The replicas that share the work. One that is stopped takes its Lease with it; one that dies is missed after three
 * renewals. A replica that cannot renew can write nothing else either.
 */
export class Membership {
  readonly #options: MembershipOptions
  readonly #renewMs: number
  readonly #name: string
  readonly #seen = new Map<string, Member>()
  readonly #reflector: Reflector
  readonly #synced = Promise.withResolvers<void>()
  #members: readonly string[] = []
  #joined = false
  #lease: KubeObject | undefined
  #timer: NodeJS.Timeout | undefined
  #looking: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: MembershipOptions) {
    const { api, namespace, replica } = options
    this.#options = options
    this.#renewMs = options.renewMs ?? 2_000
    this.#name = `gitops-guard-replica-${createHash('sha256').update(replica).digest('hex').slice(0, 12)}`
    const listed = new Set<string>()
    this.#reflector = new Reflector({
      api,
      resource: LEASES,
      namespace,
      labelSelector: LABEL,
      onListing: () => listed.clear(),
      onEvent: (type, lease) => {
        const holder = holderOf(lease)
        listed.add(holder)
        if (type === 'deleted') this.#seen.delete(holder)
        else this.#note(holder, lease)
        this.#settle()
      },
      onSynced: () => {
        for (const holder of this.#seen.keys()) if (!listed.has(holder)) this.#seen.delete(holder)
        this.#settle()
        this.#synced.resolve()
      },
    })
  }

  /** Sorted; this replica is among them once it has joined. */
  get members(): readonly string[] {
    return this.#members
  }

  /** Begins to watch who is there. Resolves when that is known, or cannot be known soon. */
  async watch(): Promise<void> {
    this.#reflector.start()
    // One that dies is missed by no event.
    this.#looking = setInterval(() => this.#settle(), this.#renewMs / 4).unref()
    await Promise.race([this.#synced.promise, sleep(PATIENCE_MS, undefined, { ref: false })])
  }

  /** Joins: from now on others leave it a share of the work. */
  join(): void {
    if (this.#joined || this.#stopped) return
    this.#joined = true
    void this.#renew()
  }

  /** Leaves: the others take over at once. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    clearInterval(this.#looking)
    this.#synced.resolve()
    await this.#reflector.stop()
    const { api, namespace } = this.#options
    if (this.#lease === undefined) return
    await api.delete(LEASES, { namespace, name: this.#name }).catch(() => undefined)
  }

  async #renew(): Promise<void> {
    try {
      this.#lease = await this.#write()
    } catch (error) {
      this.#lease = undefined
      this.#options.onError(error instanceof Error ? error : new Error(String(error)))
    }
    if (this.#stopped) return
    this.#settle()
    this.#removeForgotten()
    this.#timer = setTimeout(() => void this.#renew(), this.#renewMs)
    this.#timer.unref()
  }

  /** On the version that was written last; where somebody else wrote, on the newest. */
  async #write(): Promise<KubeObject> {
    const { api, namespace, replica } = this.#options
    const options = { timeoutMs: this.#renewMs * 2, retries: 0 }
    const lease = (resourceVersion: string | undefined): KubeObject => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: this.#name,
        namespace,
        labels: { [LABEL]: 'true', 'app.kubernetes.io/name': 'gitops-guard' },
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      spec: {
        holderIdentity: replica,
        leaseDurationSeconds: Math.ceil((this.#renewMs * MISSES) / 1000),
        renewTime: new Date().toISOString().replace('Z', '000Z'),
      },
    })
    const version = this.#lease?.metadata['resourceVersion']
    try {
      if (typeof version === 'string') return (await api.update(LEASES, lease(version), options)).object
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status !== 409 && error.status !== 404)) throw error
    }
    try {
      return (await api.create(LEASES, lease(undefined), options)).object
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409) throw error
      // Left by this replica's last run.
      const { object } = await api.get(LEASES, { namespace, name: this.#name }, options)
      return (await api.update(LEASES, lease(String(object.metadata['resourceVersion'])), options)).object
    }
  }

  #note(holder: string, lease: KubeObject): void {
    const renewed = String(fieldOf(lease['spec'], 'renewTime') ?? '')
    const known = this.#seen.get(holder)
    if (known?.renewed === renewed) return
    const since = performance.now()
    const isOld =
      known === undefined && !(Math.abs(Date.now() - Date.parse(renewed)) < this.#renewMs * MISSES)
    this.#seen.set(holder, { renewed, lease, since, seenAt: isOld ? -Infinity : since })
  }

  #settle(): void {
    const { replica, onChange } = this.#options
    const oldest = performance.now() - this.#renewMs * MISSES
    const alive = [...this.#seen].filter(([holder, { seenAt }]) => holder !== replica && seenAt >= oldest)
    const others = alive.map(([holder]) => holder)
    const members = [...others, ...(this.#joined ? [replica] : [])].toSorted()
    if (members.join('\n') === this.#members.join('\n')) return
    this.#members = members
    if (!this.#stopped) onChange(members)
  }

  /** Pods have another name after each start: what they leave behind would pile up. */
  #removeForgotten(): void {
    const { api, namespace, replica } = this.#options
    const oldest = performance.now() - this.#renewMs * FORGOTTEN
    for (const [holder, { lease, since }] of this.#seen) {
      const { name, uid, resourceVersion } = lease.metadata
      if (holder === replica || since >= oldest || typeof name !== 'string') continue
      this.#seen.delete(holder)
      const preconditions = { uid: String(uid), resourceVersion: String(resourceVersion) }
      api.delete(LEASES, { namespace, name }, { preconditions }).catch(() => undefined)
    }
  }
}

function holderOf(lease: KubeObject): string {
  return String(fieldOf(lease['spec'], 'holderIdentity') ?? lease.metadata['name'])
}
