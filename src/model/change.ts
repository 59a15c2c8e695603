import type { Actor } from './actor.ts'
import type { GroupVersionResource, ObjectRef } from './identity.ts'
import type { JsonObject, KubeObject } from './json.ts'

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'

/** What admission is asked about, and what drift is: `before` became `after`, by this actor. */
export interface Change {
  /** The admission request's uid, or one that the watcher made: ties answers, logs and messages together. */
  id: string
  operation: Operation
  /** As requested. For `deployments/scale`: deployments. */
  resource: GroupVersionResource
  /** '' for the object itself. */
  subresource: string
  /** The object itself, also where the request is for its subresource (kind Deployment for `deployments/scale`). */
  ref: ObjectRef
  /** The stored object; for a subresource what the API server sends (a Scale, the Pod, ...). Absent on CREATE and CONNECT. */
  before?: KubeObject
  /** The object as it would be stored; for CREATE of a subresource its body (an Eviction, a TokenRequest). Absent on DELETE. */
  after?: KubeObject
  /** The options of the request: PodExecOptions for CONNECT, DeleteOptions, ... */
  options?: JsonObject
  actor: Actor
  dryRun: boolean
  /** Milliseconds since the epoch at which it is judged. */
  time: number
}
