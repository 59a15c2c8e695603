/** What makes an object the same object, whichever version it is read at. */
export interface ObjectRef {
  /** API group, '' for the core group. */
  group: string
  kind: string
  /** '' for a cluster-scoped object. */
  namespace: string
  name: string
}

/** A resource as a request names it. */
export interface GroupVersionResource {
  group: string
  version: string
  resource: string
}

/** A resource as discovery describes it. */
export interface ResourceInfo extends GroupVersionResource {
  kind: string
  namespaced: boolean
  verbs: string[]
  /** Subresources served, such as `scale` and `status`. */
  subresources: string[]
}
