/** What a server's CEL lacks for the webhook's conditions. */
export interface CelSupport {
  conditions: boolean
  /** For people, where something is missing. */
  problem?: string
}

/**
 * Whether a Kubernetes version, such as `v1.36.3`, can hold the conditions: match conditions are there from 1.28, fields
 * that may be absent (`?`) compile in new expressions from 1.29 (introduced in 1.28, used a version later:
 * apiserver/pkg/cel/environment/base.go).
 */
export function celSupport(version: string): CelSupport {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? []
  if (major === undefined) return { conditions: true }
  if (Number(major) > 1 || Number(minor) >= 29) return { conditions: true }
  return {
    conditions: false,
    problem: `Kubernetes ${version} has no match conditions with optional fields (1.29 and later have): every write in guarded namespaces and to cluster-scoped resources waits for the guard, and fails while it is down`,
  }
}
