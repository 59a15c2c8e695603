import type { Violation, ViolationEvent } from '../model/violation.ts'

/** Which violations somebody asks for; what is absent matches all. */
export interface ViolationFilter {
  /** Milliseconds since the epoch: not before. */
  since?: number
  source?: string
  namespace?: string
  /** The actor's name, whole. */
  user?: string
  events?: readonly ViolationEvent[]
  /** `deploy`, `deployments`, `Deployment`: as kubectl takes it, without a group. */
  kind?: string
  name?: string
}

export const VIOLATION_EVENTS: readonly ViolationEvent[] = [
  'denied',
  'warned',
  'audited',
  'drift',
  'repaired',
  'unrepairable',
  'break-glass',
  'trouble',
  'resolved',
]

/** Whether a violation is one of those that are asked for. */
export function matchesFilter({ time, event, actor, object, source }: Violation, filter: ViolationFilter) {
  return (
    (filter.since === undefined || Date.parse(time) >= filter.since) &&
    (filter.source === undefined || source === filter.source) &&
    (filter.namespace === undefined || object.namespace === filter.namespace) &&
    (filter.user === undefined || actor.username === filter.user) &&
    (filter.events === undefined || filter.events.includes(event)) &&
    (filter.kind === undefined || isKindNamed(object.kind, filter.kind)) &&
    (filter.name === undefined || object.name === filter.name)
  )
}

/** The short names that are used most; others are written out. */
const SHORT: { readonly [name: string]: string } = {
  cj: 'cronjob',
  cm: 'configmap',
  crd: 'customresourcedefinition',
  deploy: 'deployment',
  ds: 'daemonset',
  hpa: 'horizontalpodautoscaler',
  ing: 'ingress',
  netpol: 'networkpolicy',
  ns: 'namespace',
  pdb: 'poddisruptionbudget',
  po: 'pod',
  pv: 'persistentvolume',
  pvc: 'persistentvolumeclaim',
  rs: 'replicaset',
  sa: 'serviceaccount',
  sts: 'statefulset',
  svc: 'service',
}

function isKindNamed(kind: string, word: string): boolean {
  const lower = kind.toLowerCase()
  const [asked = ''] = word.toLowerCase().split('.')
  const singular = Object.hasOwn(SHORT, asked) ? SHORT[asked] : asked
  return singular === lower || asked === pluralOf(lower)
}

/** As API conventions make it. */
function pluralOf(kind: string): string {
  if (/[^aeiou]y$/.test(kind)) return `${kind.slice(0, -1)}ies`
  return /(s|x|ch|sh)$/.test(kind) ? `${kind}es` : `${kind}s`
}
