import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import type { Operation } from '../model/change.ts'

/**
 * What a controller of Kubernetes itself writes on objects that Git may declare. Read in v1.36.3: rights in
 * plugin/pkg/auth/authorizer/rbac/bootstrappolicy (controller_policy.go, policy.go), fields in the file named in each
 * `source`. A write to an object that Git does not declare is left to RBAC: there is nothing of Git's in it.
 */
export interface SystemJob {
  /** `group/Kind`, `Kind` for the core group, `*` for all. */
  kinds: readonly string[]
  names?: readonly string[]
  operations: readonly Operation[]
  /** '' (the object itself) where absent. `*` for any. */
  subresources?: readonly string[]
  /** Fields that an UPDATE may change, in the grammar of allowances. CREATE and DELETE have none. */
  fields?: readonly string[]
  /** The bookkeeping says which of it may stand where nobody recorded who wrote it: anybody could have. */
  onlyRecorded?: true
  /** Holds for the declared object, or for the live one where Git declares none. */
  when?: Condition
  /** Why, for `explain`. */
  reason: string
  /** Where it was read, below k8s.io/kubernetes@v1.36.3. */
  source: string
}

export interface SystemController {
  /** Name of the account in kube-system, or the user where it is not a service account. */
  name: string
  users: readonly string[]
  jobs: readonly SystemJob[]
}

/** A fact about one object that a job depends on. Named, so that the table stays data. */
export type Condition =
  'tokenSecret' | 'bootstrapToken' | 'expiring' | 'owned' | 'reclaimed' | 'aggregated' | 'autoupdated'

/** The user that every controller shares without --use-service-account-credentials, and the token controller always. */
export const controllerManager = 'system:kube-controller-manager'
export const apiServer = 'system:apiserver'
export const scheduler = 'system:kube-scheduler'
export const cloudControllerManager = 'system:cloud-controller-manager'
/** Kubelets: `system:node:` and the node's name, in this group. */
export const nodePrefix = 'system:node:'
export const nodeGroup = 'system:nodes'

const account = (name: string) => `system:serviceaccount:kube-system:${name}`

const controller = (name: string, ...jobs: SystemJob[]): SystemController => ({
  name,
  users: [account(name)],
  jobs,
})

const deletesPods = (reason: string, source: string): SystemJob => ({
  kinds: ['Pod'],
  operations: ['DELETE'],
  reason,
  source,
})

export const systemControllers: readonly SystemController[] = [
  controller('deployment-controller', {
    kinds: ['apps/Deployment'],
    operations: ['UPDATE'],
    fields: ['/metadata/annotations/deployment.kubernetes.io~1revision'],
    reason: 'notes the revision of the newest ReplicaSet',
    source: 'pkg/controller/deployment/sync.go',
  }),
  controller('replicaset-controller', deletesPods('scales down', 'pkg/controller/replicaset/replica_set.go')),
  controller(
    'replication-controller',
    deletesPods('scales down', 'pkg/controller/replicaset/replica_set.go'),
  ),
  controller(
    'statefulset-controller',
    deletesPods('rolls out', 'pkg/controller/statefulset/stateful_pod_control.go'),
  ),
  controller('daemon-set-controller', deletesPods('rolls out', 'pkg/controller/daemon/daemon_controller.go')),
  controller('job-controller', deletesPods('ends a Job', 'pkg/controller/job/job_controller.go')),
  controller('cronjob-controller'),
  controller('horizontal-pod-autoscaler'),
  controller('endpoint-controller'),
  controller('endpointslice-controller'),
  controller('endpointslicemirroring-controller'),
  controller('disruption-controller'),
  controller('ephemeral-volume-controller'),
  controller('resourcequota-controller'),
  controller('route-controller'),
  controller('attachdetach-controller'),
  controller('validatingadmissionpolicy-status-controller'),
  controller('selinux-warning-controller'),
  controller('resourcepoolstatusrequest-controller'),
  controller('storage-version-garbage-collector'),
  controller('storage-version-migrator-controller'),
  controller('podcertificaterequestcleaner'),
  controller('kube-apiserver-serving-clustertrustbundle-publisher'),
  controller('certificate-controller', {
    kinds: ['certificates.k8s.io/CertificateSigningRequest'],
    operations: ['DELETE', 'UPDATE'],
    subresources: ['', 'status', 'approval'],
    fields: [],
    reason: 'approves requests of kubelets, signs, and clears away old requests',
    source: 'pkg/controller/certificates',
  }),
  controller('clusterrole-aggregation-controller', {
    kinds: ['rbac.authorization.k8s.io/ClusterRole'],
    operations: ['UPDATE'],
    fields: ['/rules'],
    when: 'aggregated',
    reason: 'fills the rules of aggregated roles',
    source: 'pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go',
  }),
  controller('generic-garbage-collector', {
    // What it removes from an object (its own finalizers, owners that are gone) Git does not hold: that converges.
    kinds: ['*'],
    operations: ['DELETE'],
    when: 'owned',
    reason: 'collects what its owner left behind',
    source: 'pkg/controller/garbagecollector/operations.go',
  }),
  controller(
    'namespace-controller',
    {
      kinds: ['Namespace'],
      operations: ['UPDATE'],
      subresources: ['finalize'],
      fields: ['/spec/finalizers'],
      reason: 'ends a namespace whose deletion was permitted',
      source: 'pkg/controller/namespace/deletion/namespaced_resources_deleter.go',
    },
    {
      kinds: ['*'],
      operations: ['DELETE'],
      // A namespace that terminates cannot be brought back: what is in it must be let go before it can be made again.
      reason: 'empties a namespace that terminates',
      source: 'pkg/controller/namespace/deletion/namespaced_resources_deleter.go',
    },
  ),
  controller(
    'pod-garbage-collector',
    deletesPods('clears Pods of lost nodes', 'pkg/controller/podgc/gc_controller.go'),
  ),
  controller(
    'node-controller',
    deletesPods('evicts from nodes that are gone or tainted', 'pkg/controller/tainteviction'),
    {
      kinds: ['Node'],
      operations: ['UPDATE', 'DELETE'],
      fields: ['/spec/taints', '/spec/podCIDR', '/spec/podCIDRs', '/metadata/labels/*'],
      reason: 'keeps taints, address ranges and labels of nodes',
      source: 'pkg/controller/nodelifecycle, pkg/controller/nodeipam',
    },
  ),
  controller(
    'device-taint-eviction-controller',
    deletesPods('evicts from tainted devices', 'pkg/controller/devicetainteviction'),
  ),
  controller('ttl-controller', {
    kinds: ['Node'],
    operations: ['UPDATE'],
    fields: ['/metadata/annotations/node.alpha.kubernetes.io~1ttl'],
    reason: 'tells kubelets how long to cache',
    source: 'pkg/controller/ttl/ttl_controller.go',
  }),
  controller('ttl-after-finished-controller', {
    kinds: ['batch/Job'],
    operations: ['DELETE'],
    when: 'expiring',
    reason: 'removes a finished Job after its ttlSecondsAfterFinished',
    source: 'pkg/controller/ttlafterfinished/ttlafterfinished_controller.go',
  }),
  controller(
    'persistent-volume-binder',
    {
      kinds: ['PersistentVolumeClaim'],
      operations: ['UPDATE'],
      fields: [
        '/spec/volumeName',
        '/spec/storageClassName',
        '/metadata/annotations/pv.kubernetes.io~1bind-completed',
        '/metadata/annotations/pv.kubernetes.io~1bound-by-controller',
        '/metadata/annotations/pv.kubernetes.io~1migrated-to',
        '/metadata/annotations/volume.kubernetes.io~1storage-provisioner',
        '/metadata/annotations/volume.beta.kubernetes.io~1storage-provisioner',
        '/metadata/annotations/volume.kubernetes.io~1selected-node',
      ],
      reason: 'binds claims to volumes',
      source: 'pkg/controller/volume/persistentvolume/pv_controller.go',
    },
    {
      kinds: ['PersistentVolume'],
      operations: ['UPDATE'],
      fields: [
        '/metadata/annotations/pv.kubernetes.io~1bound-by-controller',
        '/metadata/annotations/pv.kubernetes.io~1migrated-to',
        '/metadata/annotations/pv.kubernetes.io~1provisioned-by',
        '/metadata/finalizers/kubernetes.io~1pv-protection',
        '/metadata/finalizers/external-provisioner.volume.kubernetes.io~1finalizer',
      ],
      reason: 'binds volumes to claims',
      source: 'pkg/controller/volume/persistentvolume/pv_controller.go',
    },
    {
      kinds: ['PersistentVolume'],
      operations: ['UPDATE'],
      fields: ['/spec/claimRef', '/spec/claimRef/*'],
      onlyRecorded: true,
      reason: 'notes which claim it bound',
      source: 'pkg/controller/volume/persistentvolume/pv_controller.go',
    },
    {
      kinds: ['PersistentVolume'],
      operations: ['DELETE'],
      when: 'reclaimed',
      reason: 'deletes a released volume whose reclaim policy says so',
      source: 'pkg/controller/volume/persistentvolume/pv_controller.go',
    },
  ),
  controller('expand-controller', {
    kinds: ['PersistentVolume'],
    operations: ['UPDATE'],
    fields: [
      '/spec/capacity/storage',
      '/metadata/annotations/volume.alpha.kubernetes.io~1pre-resize-capacity',
    ],
    reason: 'grows a volume to what its claim asks for',
    source: 'pkg/volume/util/resize_util.go',
  }),
  controller('pvc-protection-controller', {
    kinds: ['PersistentVolumeClaim'],
    operations: ['UPDATE'],
    fields: ['/metadata/finalizers/kubernetes.io~1pvc-protection'],
    reason: 'keeps a claim while a Pod uses it',
    source: 'pkg/controller/volume/pvcprotection/pvc_protection_controller.go',
  }),
  controller('pv-protection-controller', {
    kinds: ['PersistentVolume'],
    operations: ['UPDATE'],
    fields: ['/metadata/finalizers/kubernetes.io~1pv-protection'],
    reason: 'keeps a volume while it is bound',
    source: 'pkg/controller/volume/pvprotection/pv_protection_controller.go',
  }),
  controller('volumeattributesclass-protection-controller', {
    kinds: ['storage.k8s.io/VolumeAttributesClass'],
    operations: ['UPDATE'],
    fields: ['/metadata/finalizers/kubernetes.io~1vac-protection'],
    reason: 'keeps a class while a volume uses it',
    source: 'pkg/controller/volume/vacprotection/vac_protection_controller.go',
  }),
  controller('podgroup-protection-controller', {
    kinds: ['scheduling.k8s.io/PodGroup'],
    operations: ['UPDATE'],
    fields: ['/metadata/finalizers/scheduling.k8s.io~1*'],
    reason: 'keeps a group while a Pod is in it',
    source: 'pkg/controller/scheduling',
  }),
  controller('resource-claim-controller', {
    kinds: ['resource.k8s.io/ResourceClaim'],
    operations: ['UPDATE'],
    fields: ['/metadata/finalizers/resource.kubernetes.io~1delete-protection'],
    reason: 'keeps a claim while it is allocated',
    source: 'pkg/controller/resourceclaim/controller.go',
  }),
  controller('service-cidrs-controller', {
    kinds: ['networking.k8s.io/ServiceCIDR'],
    operations: ['UPDATE'],
    fields: ['/metadata/finalizers/networking.k8s.io~1service-cidr-finalizer'],
    reason: 'keeps a range while addresses of it are used',
    source: 'pkg/controller/servicecidrs/servicecidrs_controller.go',
  }),
  controller('service-account-controller', {
    kinds: ['ServiceAccount'],
    names: ['default'],
    operations: ['CREATE'],
    reason: 'gives each namespace its default account',
    source: 'pkg/controller/serviceaccount/serviceaccounts_controller.go',
  }),
  controller('root-ca-cert-publisher', {
    kinds: ['ConfigMap'],
    names: ['kube-root-ca.crt'],
    operations: ['CREATE', 'UPDATE'],
    fields: ['/data/ca.crt', '/metadata/annotations/kubernetes.io~1description'],
    reason: "publishes the API server's certificate authority in each namespace",
    source: 'pkg/controller/certificates/rootcacertpublisher/publisher.go',
  }),
  controller('legacy-service-account-token-cleaner', {
    kinds: ['Secret'],
    operations: ['UPDATE'],
    fields: ['/metadata/labels/kubernetes.io~1legacy-token-invalid-since'],
    when: 'tokenSecret',
    reason: 'marks token Secrets that nobody uses',
    source: 'pkg/controller/serviceaccount/legacy_serviceaccount_token_cleaner.go',
  }),
  controller('bootstrap-signer', {
    kinds: ['ConfigMap'],
    names: ['cluster-info'],
    operations: ['UPDATE'],
    fields: ['/data/jws-kubeconfig-*'],
    reason: 'signs the cluster information for nodes that join',
    source: 'pkg/controller/bootstrap/bootstrapsigner.go',
  }),
  controller('token-cleaner', {
    kinds: ['Secret'],
    operations: ['DELETE'],
    when: 'bootstrapToken',
    reason: 'removes expired tokens for nodes that join',
    source: 'pkg/controller/bootstrap/tokencleaner.go',
  }),
  {
    name: 'service-controller',
    users: [account('service-controller'), account('cloud-controller-manager'), cloudControllerManager],
    jobs: [
      {
        kinds: ['Service'],
        operations: ['UPDATE'],
        fields: ['/metadata/finalizers/service.kubernetes.io~1load-balancer-cleanup'],
        reason: 'keeps a Service until its load balancer is gone',
        source: 'k8s.io/cloud-provider: controllers/service/controller.go',
      },
      {
        kinds: ['Node'],
        operations: ['UPDATE', 'DELETE'],
        fields: ['/spec/taints', '/spec/providerID', '/metadata/labels/*', '/metadata/annotations/*'],
        reason: 'keeps what the cloud knows of nodes',
        source: 'k8s.io/cloud-provider: controllers/node',
      },
    ],
  },
  {
    name: 'token-controller',
    users: [controllerManager],
    jobs: [
      {
        kinds: ['Secret'],
        operations: ['UPDATE'],
        fields: [
          '/data/token',
          '/data/ca.crt',
          '/data/namespace',
          '/metadata/annotations/kubernetes.io~1service-account.uid',
        ],
        when: 'tokenSecret',
        reason: 'fills token Secrets',
        source: 'pkg/controller/serviceaccount/tokens_controller.go',
      },
      {
        kinds: ['Secret'],
        operations: ['DELETE'],
        when: 'tokenSecret',
        reason: 'removes the token of an account that is gone',
        source: 'pkg/controller/serviceaccount/tokens_controller.go',
      },
    ],
  },
  {
    name: 'kube-scheduler',
    users: [scheduler],
    jobs: [
      {
        kinds: ['Pod'],
        operations: ['CREATE'],
        subresources: ['binding'],
        reason: 'binds Pods to nodes',
        source: 'pkg/scheduler',
      },
      {
        // The binding is a request of its own; on the Pod it shows in these fields.
        kinds: ['Pod'],
        operations: ['UPDATE'],
        fields: ['/spec/nodeName', '/metadata/labels/topology.kubernetes.io~1*'],
        reason: 'a Pod that is bound carries its node and where that is',
        source: 'pkg/registry/core/pod/storage/storage.go, plugin/pkg/admission/podtopologylabels',
      },
      deletesPods('makes room for Pods of a higher priority', 'pkg/scheduler/framework/preemption'),
      {
        kinds: ['PersistentVolumeClaim'],
        operations: ['UPDATE'],
        fields: ['/metadata/annotations/volume.kubernetes.io~1selected-node'],
        reason: 'chooses where a volume is made',
        source: 'pkg/scheduler/framework/plugins/volumebinding/binder.go',
      },
      {
        kinds: ['PersistentVolume'],
        operations: ['UPDATE'],
        fields: ['/spec/claimRef', '/spec/claimRef/*'],
        onlyRecorded: true,
        reason: 'binds volumes to claims',
        source: 'pkg/scheduler/framework/plugins/volumebinding/binder.go',
      },
    ],
  },
  {
    name: 'kube-apiserver',
    users: [apiServer],
    jobs: [
      {
        kinds: ['Secret'],
        operations: ['UPDATE'],
        fields: ['/metadata/labels/kubernetes.io~1legacy-token-last-used'],
        when: 'tokenSecret',
        reason: 'notes when a token was used',
        source: 'pkg/serviceaccount/legacy.go',
      },
      {
        kinds: [
          'rbac.authorization.k8s.io/ClusterRole',
          'rbac.authorization.k8s.io/ClusterRoleBinding',
          'rbac.authorization.k8s.io/Role',
          'rbac.authorization.k8s.io/RoleBinding',
        ],
        operations: ['CREATE', 'UPDATE'],
        fields: [
          '/rules',
          '/subjects',
          '/subjects/*',
          '/aggregationRule',
          '/metadata/labels/kubernetes.io~1bootstrapping',
        ],
        when: 'autoupdated',
        reason: 'brings its own roles up to date when it starts',
        source: 'pkg/registry/rbac/rest/storage_rbac.go',
      },
      {
        kinds: ['apiextensions.k8s.io/CustomResourceDefinition'],
        operations: ['UPDATE'],
        fields: ['/metadata/finalizers/customresourcecleanup.apiextensions.k8s.io'],
        reason: 'empties a definition that is deleted',
        source: 'k8s.io/apiextensions-apiserver: pkg/controller/finalizer',
      },
      {
        kinds: ['Namespace'],
        names: ['default', 'kube-system', 'kube-public', 'kube-node-lease'],
        operations: ['CREATE'],
        reason: 'makes the namespaces that the cluster needs',
        source: 'pkg/controlplane/controller/systemnamespaces',
      },
      {
        kinds: ['Service', 'Endpoints', 'discovery.k8s.io/EndpointSlice'],
        names: ['kubernetes'],
        operations: ['CREATE', 'UPDATE', 'DELETE'],
        fields: ['/spec/ports', '/spec/ports/*', '/subsets', '/endpoints', '/ports'],
        reason: 'publishes itself as the Service kubernetes',
        source: 'pkg/controlplane/controller/kubernetesservice',
      },
    ],
  },
  {
    name: 'kubelet',
    users: [`${nodePrefix}*`],
    jobs: [
      {
        kinds: ['Pod'],
        operations: ['DELETE', 'CREATE'],
        subresources: ['', 'eviction'],
        reason: 'ends Pods on its node and mirrors static ones',
        source: 'pkg/kubelet, plugin/pkg/admission/noderestriction',
      },
      {
        kinds: ['ServiceAccount'],
        operations: ['CREATE'],
        subresources: ['token'],
        reason: 'fetches tokens for Pods on its node',
        source: 'pkg/kubelet/token, plugin/pkg/admission/noderestriction',
      },
      {
        kinds: ['Node'],
        operations: ['CREATE', 'UPDATE'],
        fields: ['/metadata/labels/*', '/metadata/annotations/*', '/spec/taints', '/spec/providerID'],
        reason: 'keeps its own node',
        source: 'pkg/kubelet/kubelet_node_status.go',
      },
    ],
  },
]

/**
 * What the API server makes and keeps by itself (pkg plugin/pkg/auth/authorizer/rbac/bootstrappolicy). CoreDNS, cloud providers and others
 * annotate their roles in the same way, and nobody updates these.
 */
const OWN_ROLES = new RegExp(
  `^(${[
    'cluster-admin|admin|edit|view|extension-apiserver-authentication-reader',
    'system:(:.+|controller:.+|aggregate-to-(admin|edit|view)|certificates\\.k8s\\.io:.+)',
    'system:(auth-delegator|basic-user|cluster-trust-bundle-discovery|discovery|heapster|monitoring|public-info-viewer)',
    'system:(kube-(aggregator|controller-manager|dns|proxy|scheduler)|kubelet-api-admin|node|node-(bootstrapper|problem-detector|proxier))',
    'system:(persistent-volume-provisioner|service-account-issuer-discovery|volume-scheduler)',
  ].join('|')})$`,
)

/** Tells whether `condition` holds for an object: the declared one where Git holds it, else the live one. */
export function holds(condition: Condition, object: KubeObject): boolean {
  switch (condition) {
    case 'tokenSecret':
      return object['type'] === 'kubernetes.io/service-account-token'
    case 'bootstrapToken':
      return object['type'] === 'bootstrap.kubernetes.io/token'
    case 'expiring':
      return typeof at(object['spec'], 'ttlSecondsAfterFinished') === 'number'
    case 'owned':
      return nonEmpty(at(object.metadata, 'ownerReferences'))
    case 'reclaimed':
      return at(object['spec'], 'persistentVolumeReclaimPolicy') === 'Delete'
    case 'aggregated':
      return nonEmpty(at(object['aggregationRule'], 'clusterRoleSelectors'))
    case 'autoupdated':
      return (
        OWN_ROLES.test(String(object.metadata['name'])) &&
        at(at(object.metadata, 'annotations'), 'rbac.authorization.kubernetes.io/autoupdate') === 'true'
      )
  }
}

function at(value: Json | undefined, key: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const object: JsonObject = value
  return Object.hasOwn(object, key) ? object[key] : undefined
}

const nonEmpty = (value: Json | undefined) => Array.isArray(value) && value.length > 0
