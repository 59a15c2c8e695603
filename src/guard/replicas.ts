import type { ClusterApi } from '../cluster/api.ts'
import { Membership } from '../cluster/membership.ts'
import { ownerOf } from '../reconcile/share.ts'

export interface ReplicasOptions {
  api: ClusterApi
  namespace: string
  /** The name of this one. */
  replica: string
  onChange: (members: readonly string[]) => void
  onError: (error: Error) => void
}

/** The replicas of this guard, and what of the work is this one's. */
export class Replicas {
  readonly #replica: string
  readonly #membership: Membership

  constructor({ api, namespace, replica, onChange, onError }: ReplicasOptions) {
    this.#replica = replica
    let said = ''
    this.#membership = new Membership({
      api,
      namespace,
      replica,
      onChange,
      onError: (error) => {
        if (error.message !== said) onError(error)
        said = error.message
      },
    })
  }

  /** Those that have joined; none while this one is alone. */
  get members(): readonly string[] {
    return this.#membership.members
  }

  /** Alone, everything is this replica's; before it has joined others, nothing is. */
  owns(key: string): boolean {
    const { members } = this.#membership
    return members.length === 0 || ownerOf(key, members) === this.#replica
  }

  /** Of the replicas that have joined, one brings a source in. */
  leads(source: string): boolean {
    const { members } = this.#membership
    return members.includes(this.#replica) && ownerOf(`sync ${source}`, members) === this.#replica
  }

  watch(): Promise<void> {
    return this.#membership.watch()
  }

  join(): void {
    this.#membership.join()
  }

  stop(): Promise<void> {
    return this.#membership.stop()
  }
}
