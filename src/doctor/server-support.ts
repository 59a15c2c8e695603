/** Kubernetes versions that the guard is made for. */
const OLDEST = 32
const NEWEST = 36

/** Something that the guard uses and an API server does not have, and what follows. */
export interface Lack {
  name: 'optional-fields' | 'policies' | 'streamed-lists' | 'admission-files'
  what: string
  so: string
  /** Critical: what the guard promises does not hold. Info: it does, at a price. */
  severity: 'critical' | 'warning' | 'info'
}

/** What an API server of one version can do for the guard. */
export interface ServerSupport {
  /** Whether its version is one that the guard is made for. */
  tried: 'yes' | 'older' | 'newer' | 'unknown'
  /** The worst first. */
  lacks: readonly Lack[]
  /** The webhook's match conditions compile: without them everything is asked. */
  conditions: boolean
}

/** By the minor versions of Kubernetes 1 that have not got it. */
const LACKS: readonly (Lack & { in: (minor: number) => boolean })[] = [
  {
    // Match conditions are there from 1.28; fields that may be absent (`?`) compile in new expressions a version after they came in 1.28
    // (apiserver/pkg/cel/environment/base.go).
    in: (minor) => minor < 29,
    name: 'optional-fields',
    what: 'match conditions with optional fields (1.29)',
    so: 'every write in guarded namespaces and to cluster-scoped resources waits for the guard, and fails while it is down',
    severity: 'critical',
  },
  {
    in: (minor) => minor < 30,
    name: 'policies',
    what: 'ValidatingAdmissionPolicy (1.30)',
    so: 'nothing guards the webhook configuration while the guard is down',
    severity: 'critical',
  },
  {
    // WatchList: beta and on in 1.32, off again in 1.33, on from 1.34 (apiserver/pkg/features/kube_features.go).
    in: (minor) => minor < 32 || minor === 33,
    name: 'streamed-lists',
    what: 'streamed lists (off by default before 1.32, and in 1.33)',
    so: 'what there is is read in pages, which takes more memory of the API server at each start',
    severity: 'info',
  },
  {
    in: (minor) => minor < 36,
    name: 'admission-files',
    what: 'admission from files (1.36)',
    so: 'whoever may change admission policies by RBAC can take the guard\u2019s away, until it puts them back',
    severity: 'info',
  },
]

/**
 * What an API server that says it is `version` (`v1.36.3-gke.1`) can do; one that emulates an older version (`1.33`) has what that had.
 * A version that cannot be read is taken to have everything.
 */
export function serverSupport(version: string, emulated?: string): ServerSupport {
  const minors = [version, emulated].map(minorOf).filter((minor) => minor !== undefined)
  if (minors.length === 0) return { tried: 'unknown', lacks: [], conditions: true }
  const minor = Math.min(...minors)
  const lacks = LACKS.filter((lack) => lack.in(minor)).map(({ name, what, so, severity }) => ({
    name,
    what,
    so,
    severity,
  }))
  const tried = minor < OLDEST ? 'older' : minor > NEWEST ? 'newer' : 'yes'
  return { tried, lacks, conditions: minor >= 29 }
}

/** For people, in one sentence without its end: the version, whether the guard is made for it, and what it lacks. */
export function formatSupport(version: string, { tried, lacks }: ServerSupport): string {
  const parts = [
    ...(tried === 'older' || tried === 'newer'
      ? [`is ${tried} than what this guard is made for (1.${OLDEST} to 1.${NEWEST})`]
      : []),
    ...lacks.map(({ what, so }) => `has no ${what}: ${so}`),
  ]
  return `Kubernetes ${version}${parts.length === 0 ? '' : ` ${parts.join('; it ')}`}`
}

/** Of Kubernetes 1, whose only major version that is; later ones count as newer than all. */
function minorOf(version: string | undefined): number | undefined {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version ?? '') ?? []
  if (major === undefined) return undefined
  return Number(major) > 1 ? Number.POSITIVE_INFINITY : Number(minor)
}
