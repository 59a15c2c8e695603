import type { Json, KubeObject } from '../model/json.ts'
import type { Allowance, ObjectSelector } from '../model/policy.ts'
import { groupOf, refOf } from '../object/identity.ts'
import { fieldOf, isObject } from '../object/json.ts'
import { selects } from '../object/selectors.ts'

/** One line of bookkeeping: what the cluster itself writes into objects after they are created. */
interface Line {
  name: string
  kinds?: readonly string[]
  fields: readonly string[]
  reason: string
  /** Only for manifests of which this holds. */
  when?: (manifest: KubeObject) => boolean
  /** Only for live objects of which this holds. */
  whenLive?: (live: KubeObject) => boolean
  /** Also where the manifest holds the field itself: the server writes over it. */
  always?: boolean
}

const annotation = (key: string) => `/metadata/annotations/${key.replaceAll('/', '~1')}`
const label = (key: string) => `/metadata/labels/${key.replaceAll('/', '~1')}`
const finalizer = (key: string) => `/metadata/finalizers/${key.replaceAll('/', '~1')}`

/**
 * The cluster's own bookkeeping, as narrow as it is: read in Kubernetes v1.36's controllers, confirmed by the canonical
 * form tests on a real control plane.
 */
const LINES: readonly Line[] = [
  {
    name: 'last-applied',
    fields: [annotation('kubectl.kubernetes.io/last-applied-configuration')],
    reason: 'client-side apply remembers in it what it applied; rewriting it changes no state',
    always: true,
  },
  {
    name: 'deployment-revision',
    kinds: ['apps/Deployment'],
    fields: [annotation('deployment.kubernetes.io/revision')],
    reason: 'the deployment controller counts rollouts',
    always: true,
  },
  {
    name: 'daemonset-generation',
    kinds: ['apps/DaemonSet'],
    fields: [annotation('deprecated.daemonset.template.generation')],
    reason: 'the API server counts updates of the template',
    always: true,
  },
  {
    name: 'autoscaler-status',
    kinds: ['autoscaling/HorizontalPodAutoscaler'],
    fields: [
      annotation('autoscaling.alpha.kubernetes.io/conditions'),
      annotation('autoscaling.alpha.kubernetes.io/current-metrics'),
    ],
    reason: 'the status of autoscaling/v2, when read as v1',
    always: true,
  },
  {
    name: 'claim-binding',
    kinds: ['PersistentVolumeClaim'],
    fields: [
      annotation('pv.kubernetes.io/bind-completed'),
      annotation('pv.kubernetes.io/bound-by-controller'),
      annotation('pv.kubernetes.io/migrated-to'),
      annotation('volume.kubernetes.io/storage-provisioner'),
      annotation('volume.beta.kubernetes.io/storage-provisioner'),
      annotation('volume.kubernetes.io/selected-node'),
      finalizer('kubernetes.io/pvc-protection'),
      '/spec/volumeName',
      '/spec/storageClassName',
    ],
    reason:
      'the volume binder, the provisioner and the scheduler bind the claim; a default class is filled in later',
  },
  {
    name: 'volume-binding',
    kinds: ['PersistentVolume'],
    fields: [
      annotation('pv.kubernetes.io/bound-by-controller'),
      annotation('pv.kubernetes.io/migrated-to'),
      finalizer('kubernetes.io/pv-protection'),
      finalizer('external-provisioner.volume.kubernetes.io/finalizer'),
      finalizer('external-attacher/*'),
    ],
    reason: 'the volume binder binds the volume and protects it while it is bound',
  },
  {
    name: 'volume-claim',
    kinds: ['PersistentVolume'],
    fields: ['apiVersion', 'kind', 'namespace', 'name', 'uid', 'resourceVersion'].map(
      (field) => `/spec/claimRef/${field}`,
    ),
    reason:
      'the volume binder notes which claim it bound; without a uid it is a reservation, which people make',
    whenLive: (live) => isText(fieldOf(fieldOf(live['spec'], 'claimRef'), 'uid')),
  },
  {
    name: 'token-secret',
    kinds: ['Secret'],
    fields: [
      '/data/token',
      '/data/ca.crt',
      '/data/namespace',
      annotation('kubernetes.io/service-account.uid'),
      label('kubernetes.io/legacy-token-last-used'),
      label('kubernetes.io/legacy-token-invalid-since'),
    ],
    reason: 'the token controller fills the Secret of a service account',
    when: (manifest) => manifest['type'] === 'kubernetes.io/service-account-token',
  },
  {
    name: 'aggregated-rules',
    kinds: ['rbac.authorization.k8s.io/ClusterRole'],
    fields: ['/rules'],
    reason: 'the aggregation controller collects the rules of the roles that are selected',
    when: (manifest) => isObject(manifest['aggregationRule']),
    always: true,
  },
  {
    name: 'namespace-labels',
    kinds: ['Namespace'],
    fields: [label('kubernetes.io/metadata.name')],
    reason: 'the API server names the namespace in a label',
    always: true,
  },
  {
    name: 'service-account-tokens',
    kinds: ['ServiceAccount'],
    fields: ['/secrets'],
    reason: 'token Secrets that controllers before v1.24 made are listed',
  },
  {
    name: 'load-balancer-cleanup',
    kinds: ['Service'],
    fields: [finalizer('service.kubernetes.io/load-balancer-cleanup')],
    reason: 'the service controller keeps a load balancer from being forgotten',
    when: (manifest) => fieldOf(manifest['spec'], 'type') === 'LoadBalancer',
  },
  {
    name: 'scheduling',
    kinds: ['Pod'],
    fields: [
      '/spec/nodeName',
      // Not the whole volume: one of this name that is a hostPath is nobody's token.
      '/spec/volumes/[name=kube-api-access-*]/name',
      '/spec/volumes/[name=kube-api-access-*]/projected',
      '/spec/containers/*/volumeMounts/[mountPath=~1var~1run~1secrets~1kubernetes.io~1serviceaccount]/name',
      '/spec/initContainers/*/volumeMounts/[mountPath=~1var~1run~1secrets~1kubernetes.io~1serviceaccount]/name',
    ],
    reason: 'the scheduler binds the Pod; its token volume has a random name',
  },
  {
    name: 'pod-admission',
    kinds: ['Pod'],
    fields: [annotation('kubernetes.io/limit-ranger'), '/spec/priority', '/spec/preemptionPolicy'],
    reason: 'admission notes which limits it gave, and looks the class up that is compared itself',
    always: true,
  },
  {
    name: 'request-author',
    kinds: ['certificates.k8s.io/CertificateSigningRequest'],
    fields: ['/spec/username', '/spec/uid', '/spec/groups', '/spec/extra'],
    reason: 'the API server writes down who asked',
    always: true,
  },
  {
    name: 'endpoints-trigger',
    kinds: ['Endpoints', 'discovery.k8s.io/EndpointSlice'],
    fields: [annotation('endpoints.kubernetes.io/last-change-trigger-time')],
    reason: 'the endpoints controllers note what caused a change',
  },
]

type Conditional = Allowance & Pick<Line, 'when' | 'whenLive'>

const allowances: readonly Conditional[] = LINES.map((line) => {
  const objects: ObjectSelector = line.kinds === undefined ? {} : { kinds: line.kinds }
  return {
    name: line.name,
    reason: line.reason,
    users: ['system:*'],
    objects,
    fields: line.fields,
    bookkeeping: true,
    ...(line.always === true ? {} : { unlessDeclared: true }),
    ...(line.when === undefined ? {} : { when: line.when }),
    ...(line.whenLive === undefined ? {} : { whenLive: line.whenLive }),
  }
})

function isText(value: Json | undefined): boolean {
  return typeof value === 'string' && value !== ''
}

const byKind = new Map<string, readonly Conditional[]>()

/** The bookkeeping of the cluster on a live object: never compared, whoever wrote it. */
export function bookkeepingOf(manifest: KubeObject, live: KubeObject): readonly Allowance[] {
  const kind = `${groupOf(manifest.apiVersion)}/${manifest.kind}`
  let lines = byKind.get(kind)
  if (lines === undefined) {
    const ref = refOf(manifest)
    byKind.set(kind, (lines = allowances.filter((line) => selects(line.objects, ref))))
  }
  return lines.filter(({ when, whenLive }) => (when?.(manifest) ?? true) && (whenLive?.(live) ?? true))
}
