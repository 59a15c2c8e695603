import type { Allowance, ObjectSelector } from '../../model/policy.ts'
import { accountUser } from '../actors.ts'

/**
 * What well-known operators write on objects that Git declares, installed as their projects say: each a permission as
 * narrow as what it does. What they write into `status`, and objects that they make for an owner, needs none.
 */
export interface OperatorPreset {
  name: string
  title: string
  allowances: readonly Allowance[]
  /** Where it was read, in the repositories of the projects. */
  sources: readonly string[]
}

interface Line {
  users: readonly string[]
  kinds: readonly string[]
  names?: readonly string[]
  fields: readonly string[]
  reason: string
  ops?: Allowance['ops']
  /** Only where Git leaves the field out. */
  unlessDeclared?: true
}

function preset(
  name: string,
  title: string,
  lines: readonly Line[],
  sources: readonly string[],
): OperatorPreset {
  const allowances = lines.map(({ users, kinds, names, fields, reason, ops, unlessDeclared }): Allowance => {
    const objects: ObjectSelector = { kinds, ...(names === undefined ? {} : { names }) }
    return {
      name,
      reason,
      users,
      objects,
      fields,
      ...(ops === undefined ? {} : { ops }),
      ...(unlessDeclared === undefined ? {} : { unlessDeclared }),
    }
  })
  return { name, title, allowances, sources }
}

const escaped = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1')
const annotation = (key: string) => `/metadata/annotations/${escaped(key)}`
const label = (key: string) => `/metadata/labels/${escaped(key)}`
const finalizer = (name: string) => `/metadata/finalizers/${escaped(name)}`

const webhookKinds = [
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration',
  'admissionregistration.k8s.io/MutatingWebhookConfiguration',
]
const crd = 'apiextensions.k8s.io/CustomResourceDefinition'
const apiService = 'apiregistration.k8s.io/APIService'
const webhookCa = '/webhooks/*/clientConfig/caBundle'
const conversionCa = '/spec/conversion/webhook/clientConfig/caBundle'

const certManager = accountUser('cert-manager', 'cert-manager')
const certManagerWebhook = accountUser('cert-manager', 'cert-manager-webhook')
const cainjector = accountUser('cert-manager', 'cert-manager-cainjector')
const prometheusOperator = [
  accountUser('monitoring', 'prometheus-operator'),
  accountUser('monitoring', '*-kube-prometheus-operator'),
  accountUser('monitoring', '*-prometheus-operator'),
]
const externalSecrets = accountUser('external-secrets', 'external-secrets')
const externalSecretsCerts = accountUser('external-secrets', 'external-secrets-cert-controller')
const keda = accountUser('keda', 'keda-operator')
const rollouts = accountUser('argo-rollouts', 'argo-rollouts')
const flagger = [accountUser('flagger-system', 'flagger'), accountUser('istio-system', 'flagger')]
const istiod = [accountUser('istio-system', 'istiod'), accountUser('istio-system', 'istiod-*')]
const crossplane = accountUser('crossplane-system', 'crossplane')
const providers = [
  accountUser('crossplane-system', 'provider-*'),
  accountUser('crossplane-system', 'upbound-provider-*'),
]
const karpenter = [accountUser('kube-system', 'karpenter'), accountUser('karpenter', 'karpenter')]
const autoscaler = [
  accountUser('kube-system', 'cluster-autoscaler'),
  accountUser('kube-system', '*-cluster-autoscaler'),
]
const velero = [accountUser('velero', 'velero'), accountUser('velero', 'velero-server')]
const sealedSecrets = [
  accountUser('kube-system', 'sealed-secrets-controller'),
  accountUser('kube-system', 'sealed-secrets'),
  accountUser('sealed-secrets', 'sealed-secrets'),
]
/** Groups of custom resources: those with a dot. */
const anyCustom = ['*.*/*']

export const operatorPresets: readonly OperatorPreset[] = [
  preset(
    'cert-manager',
    'cert-manager',
    [
      {
        users: [cainjector],
        kinds: webhookKinds,
        fields: [webhookCa],
        reason: 'cainjector puts the certificate authority into webhooks',
      },
      {
        users: [cainjector],
        kinds: [crd],
        fields: [conversionCa],
        reason: 'cainjector puts the certificate authority into conversion webhooks',
      },
      {
        users: [cainjector],
        kinds: [apiService],
        fields: ['/spec/caBundle'],
        reason: 'cainjector puts the certificate authority into API services',
      },
      {
        users: [certManager],
        kinds: ['Secret'],
        fields: [
          '/data/tls.crt',
          '/data/tls.key',
          '/data/ca.crt',
          '/data/tls-combined.pem',
          '/data/key.der',
          '/data/keystore.*',
          '/data/truststore.*',
          annotation('cert-manager.io/*'),
          label('controller.cert-manager.io/fao'),
        ],
        reason: 'issues certificates into Secrets that Git leaves empty',
        unlessDeclared: true,
      },
      {
        users: [certManagerWebhook],
        kinds: ['Secret'],
        names: ['cert-manager-webhook-ca'],
        fields: [
          '/data/ca.crt',
          '/data/tls.crt',
          '/data/tls.key',
          annotation('cert-manager.io/allow-direct-injection'),
        ],
        reason: 'keeps the certificate authority of its own webhook',
      },
      {
        users: [certManager],
        kinds: ['acme.cert-manager.io/Challenge'],
        fields: [finalizer('acme.cert-manager.io/finalizer'), finalizer('finalizer.acme.cert-manager.io')],
        reason: 'clears up what a challenge left before it goes',
      },
    ],
    [
      'cert-manager/cert-manager: pkg/controller/cainjector/injectors.go, deploy/charts/cert-manager/templates/cainjector-rbac.yaml',
      'cert-manager/cert-manager: pkg/controller/certificates/issuing/internal/secret.go, pkg/apis/acme/v1/types.go',
      'cert-manager/cert-manager: pkg/server/tls/authority/authority.go',
    ],
  ),
  preset(
    'prometheus-operator',
    'Prometheus Operator',
    [
      {
        users: prometheusOperator,
        kinds: ['monitoring.coreos.com/*'],
        fields: [finalizer('monitoring.coreos.com/status-cleanup')],
        reason: 'takes its status off what a resource selected before that goes',
      },
      {
        users: [
          accountUser('monitoring', '*-kube-prometheus-admission'),
          accountUser('monitoring', '*-admission'),
        ],
        kinds: webhookKinds,
        names: ['*prometheus*'],
        fields: [webhookCa, '/webhooks/*/failurePolicy'],
        reason: 'the Job of its chart puts the certificate authority into its webhooks',
      },
    ],
    [
      'prometheus-operator/prometheus-operator: pkg/k8s/finalizers.go',
      'prometheus-community/helm-charts: charts/kube-prometheus-stack/templates/prometheus-operator/admission-webhooks',
    ],
  ),
  preset(
    'external-secrets',
    'External Secrets',
    [
      {
        users: [externalSecrets],
        kinds: ['Secret'],
        fields: [
          '/data/*',
          annotation('reconcile.external-secrets.io/*'),
          label('reconcile.external-secrets.io/*'),
        ],
        reason: 'fills Secrets with what the store holds, where Git leaves the key out',
        unlessDeclared: true,
      },
      {
        users: [externalSecrets],
        kinds: ['external-secrets.io/*'],
        fields: [
          finalizer('externalsecrets.external-secrets.io/externalsecret-cleanup'),
          finalizer('pushsecret.externalsecrets.io/finalizer'),
          finalizer('*.external-secrets.io/*'),
        ],
        reason: 'clears up before one of its resources goes',
      },
      {
        users: [externalSecretsCerts],
        kinds: webhookKinds,
        fields: [webhookCa],
        reason: 'puts the certificate authority into its webhooks',
      },
      {
        users: [externalSecretsCerts],
        kinds: [crd],
        fields: [conversionCa],
        reason: 'puts the certificate authority into its conversion webhooks',
      },
      {
        users: [externalSecretsCerts],
        kinds: ['Secret'],
        names: ['external-secrets-webhook'],
        fields: ['/data/ca.crt', '/data/ca.key', '/data/tls.crt', '/data/tls.key'],
        reason: 'keeps the certificate of its own webhook',
      },
    ],
    [
      'external-secrets/external-secrets: pkg/controllers/externalsecret/externalsecret_controller.go, pkg/controllers/pushsecret',
      'external-secrets/external-secrets: pkg/controllers/webhookconfig, pkg/controllers/crds',
    ],
  ),
  preset(
    'keda',
    'KEDA',
    [
      {
        users: [keda],
        kinds: ['keda.sh/*', 'eventing.keda.sh/*'],
        fields: [finalizer('finalizer.keda.sh'), label('scaledobject.keda.sh/name')],
        reason: 'stops scaling before a ScaledObject goes, and labels it by its name',
      },
      {
        users: [keda],
        kinds: [apiService],
        names: ['v1beta1.external.metrics.k8s.io'],
        fields: ['/spec/caBundle'],
        reason: 'puts its certificate authority into its API service',
      },
      {
        users: [keda],
        kinds: webhookKinds,
        names: ['keda-*'],
        fields: [webhookCa],
        reason: 'puts its certificate authority into its webhooks',
      },
      {
        users: [keda],
        kinds: ['Secret'],
        names: ['kedaorg-certs'],
        fields: ['/data/*'],
        reason: 'keeps its certificates',
      },
    ],
    [
      'kedacore/keda: controllers/keda/scaledobject_finalizer.go, controllers/keda/scaledobject_controller.go',
      'kedacore/keda: pkg/certificates/certificate_manager.go',
      'replicas: Git declares the ScaledObject, and src/policy/autoscaled.ts reads that',
    ],
  ),
  preset(
    'argo-rollouts',
    'Argo Rollouts',
    [
      {
        users: [rollouts],
        kinds: ['argoproj.io/Rollout'],
        fields: [
          annotation('rollout.argoproj.io/revision'),
          annotation('rollout.argoproj.io/workload-generation'),
        ],
        reason: 'notes the revision of the newest ReplicaSet',
      },
      {
        users: [rollouts],
        kinds: ['Service'],
        fields: [
          '/spec/selector/rollouts-pod-template-hash',
          annotation('argo-rollouts.argoproj.io/managed-by-rollouts'),
        ],
        reason: 'points the stable and the canary Service at their ReplicaSets',
      },
      {
        users: [rollouts],
        kinds: ['networking.istio.io/VirtualService'],
        fields: ['/spec/http/*/route/*/weight', '/spec/tls/*/route/*/weight', '/spec/tcp/*/route/*/weight'],
        reason: 'shifts traffic between stable and canary',
      },
      {
        users: [rollouts],
        kinds: ['networking.istio.io/DestinationRule'],
        fields: [
          '/spec/subsets/*/labels/rollouts-pod-template-hash',
          annotation('argo-rollouts.argoproj.io/managed-by-rollouts'),
        ],
        reason: 'points subsets at their ReplicaSets',
      },
      {
        users: [rollouts],
        kinds: ['gateway.networking.k8s.io/*'],
        fields: ['/spec/rules/*/backendRefs/*/weight', label('rollouts.argoproj.io/*')],
        reason: 'shifts traffic between stable and canary',
      },
      {
        users: [rollouts],
        kinds: ['networking.k8s.io/Ingress'],
        fields: [
          annotation('alb.ingress.kubernetes.io/actions.*'),
          annotation('rollouts.argoproj.io/managed-alb-actions'),
          annotation('rollouts.argoproj.io/managed-alb-annotations'),
        ],
        reason: 'shifts traffic through an AWS load balancer',
      },
    ],
    [
      'argoproj/argo-rollouts: utils/annotations/annotations.go, rollout/service.go, service/service.go',
      'argoproj/argo-rollouts: rollout/trafficrouting/istio, rollout/trafficrouting/alb, utils/ingress/ingress.go',
      'argoproj-labs/rollouts-plugin-trafficrouter-gatewayapi: pkg/plugin',
    ],
  ),
  preset(
    'flagger',
    'Flagger',
    [
      {
        users: flagger,
        kinds: ['apps/Deployment'],
        fields: ['/spec/replicas'],
        reason: 'scales the canary up for an analysis and down after it',
      },
      {
        users: flagger,
        kinds: ['flagger.app/Canary'],
        fields: [finalizer('finalizer.flagger.app')],
        reason: 'gives the target its traffic back before a Canary goes',
      },
      {
        users: flagger,
        kinds: ['networking.istio.io/VirtualService'],
        fields: ['/spec/http/*/route/*/weight', '/spec/http/*/mirror', '/spec/http/*/mirrorPercentage'],
        reason: 'shifts traffic between primary and canary',
      },
      {
        users: flagger,
        kinds: ['gateway.networking.k8s.io/HTTPRoute'],
        fields: ['/spec/rules/*/backendRefs/*/weight'],
        reason: 'shifts traffic between primary and canary',
      },
      {
        users: flagger,
        kinds: ['keda.sh/ScaledObject'],
        fields: [annotation('autoscaling.keda.sh/paused-replicas')],
        reason: 'holds the autoscaler of a canary that is not analysed',
      },
      {
        users: flagger,
        kinds: ['Service'],
        fields: ['/spec/selector/*'],
        reason: 'points the Service of an app at its primary',
      },
    ],
    [
      'fluxcd/flagger: pkg/canary/deployment_controller.go, pkg/canary/deployment_ready.go, pkg/router, pkg/controller/finalizer.go',
    ],
  ),
  preset(
    'istio',
    'Istio',
    [
      {
        users: istiod,
        kinds: webhookKinds,
        names: ['istio*'],
        fields: [webhookCa, '/webhooks/*/failurePolicy'],
        reason: 'puts its certificate authority into its webhooks and closes validation once it is ready',
      },
      {
        users: istiod,
        kinds: ['ConfigMap'],
        names: ['istio-ca-root-cert'],
        fields: ['/data/root-cert.pem'],
        reason: 'publishes its certificate authority in each namespace',
      },
      {
        users: istiod,
        kinds: ['Secret'],
        names: ['istio-ca-secret'],
        fields: ['/data/*'],
        reason: 'keeps the certificate authority that it makes for itself',
      },
    ],
    [
      'istio/istio: pkg/webhooks/webhookpatch.go, pkg/webhooks/validation/controller/controller.go',
      'istio/istio: pilot/pkg/serviceregistry/kube/controller/namespacecontroller.go, security/pkg/pki/ca',
    ],
  ),
  preset(
    'crossplane',
    'Crossplane',
    [
      {
        users: [crossplane],
        kinds: anyCustom,
        fields: [
          finalizer('finalizer.apiextensions.crossplane.io'),
          finalizer('composite.apiextensions.crossplane.io'),
          finalizer('defined.apiextensions.crossplane.io'),
          finalizer('offered.apiextensions.crossplane.io'),
          finalizer('revision.pkg.crossplane.io'),
          finalizer('lock.pkg.crossplane.io'),
          annotation('crossplane.io/external-name'),
          label('crossplane.io/composite'),
          label('crossplane.io/claim-name'),
          label('crossplane.io/claim-namespace'),
        ],
        reason: 'clears up composites, claims and packages before they go, and names what it binds',
        unlessDeclared: true,
      },
      {
        users: [crossplane],
        kinds: anyCustom,
        fields: [
          '/spec/compositionRef',
          '/spec/compositionRevisionRef',
          '/spec/compositionUpdatePolicy',
          '/spec/resourceRef',
          '/spec/resourceRefs',
          '/spec/claimRef',
          '/spec/crossplane',
        ],
        reason: 'binds claims, composites and compositions',
        unlessDeclared: true,
      },
      {
        users: providers,
        kinds: anyCustom,
        fields: [
          finalizer('finalizer.managedresource.crossplane.io'),
          annotation('crossplane.io/external-name'),
          annotation('crossplane.io/external-create-*'),
          label('crossplane.io/provider-config'),
          '/spec/forProvider/*',
          '/spec/initProvider',
          '/spec/deletionPolicy',
          '/spec/managementPolicies',
        ],
        reason: 'notes what it made outside, and fills in what Git leaves to the provider',
        unlessDeclared: true,
      },
      {
        users: [crossplane],
        kinds: [crd],
        fields: [conversionCa],
        reason: 'puts its certificate authority into conversion webhooks of packages',
      },
      {
        users: [crossplane, accountUser('crossplane-system', 'rbac-manager')],
        kinds: webhookKinds,
        names: ['crossplane*'],
        fields: [webhookCa],
        reason: 'puts its certificate authority into its webhooks',
      },
    ],
    [
      'crossplane/crossplane: internal/controller/apiextensions (claim, composite, definition, offered), internal/initializer',
      'crossplane/crossplane-runtime: pkg/reconciler/managed, pkg/meta/meta.go',
    ],
  ),
  preset(
    'vpa',
    'Vertical Pod Autoscaler',
    [
      {
        users: [accountUser('kube-system', 'vpa-updater')],
        kinds: ['Pod'],
        fields: [
          '/spec/containers/*/resources',
          annotation('vpaInPlaceUpdated'),
          annotation('vpaObservedContainers'),
        ],
        reason: 'resizes Pods in place',
      },
      {
        users: [accountUser('kube-system', 'vpa-admission-controller')],
        kinds: ['admissionregistration.k8s.io/MutatingWebhookConfiguration'],
        names: ['vpa-webhook-config'],
        fields: ['/webhooks'],
        reason: 'registers its own webhook',
      },
    ],
    [
      'kubernetes/autoscaler: vertical-pod-autoscaler/deploy/vpa-rbac.yaml, pkg/updater, pkg/admission-controller/config.go',
    ],
  ),
  preset(
    'cluster-autoscaler',
    'Cluster Autoscaler',
    [
      {
        users: autoscaler,
        kinds: ['Node'],
        fields: ['/spec/taints', '/spec/unschedulable', annotation('cluster-autoscaler.kubernetes.io/*')],
        reason: 'empties nodes before it removes them',
      },
      {
        users: autoscaler,
        kinds: ['ConfigMap'],
        names: ['cluster-autoscaler-status'],
        fields: ['/data/status', annotation('cluster-autoscaler.kubernetes.io/last-updated')],
        reason: 'reports its state',
      },
    ],
    [
      'kubernetes/autoscaler: cluster-autoscaler/utils/taints/taints.go, cluster-autoscaler/clusterstate/utils/status.go',
    ],
  ),
  preset(
    'karpenter',
    'Karpenter',
    [
      {
        users: karpenter,
        kinds: ['karpenter.sh/NodePool'],
        fields: [annotation('karpenter.sh/nodepool-hash'), annotation('karpenter.sh/nodepool-hash-version')],
        reason: 'notes what a NodePool said, to tell drifted nodes',
      },
      {
        users: karpenter,
        kinds: [
          'karpenter.k8s.aws/EC2NodeClass',
          'karpenter.azure.com/AKSNodeClass',
          'karpenter.k8s.gcp/GCENodeClass',
        ],
        fields: [
          finalizer('karpenter.k8s.aws/termination'),
          finalizer('karpenter.azure.com/termination'),
          finalizer('karpenter.sh/termination'),
          annotation('karpenter.k8s.aws/ec2nodeclass-hash'),
          annotation('karpenter.k8s.aws/ec2nodeclass-hash-version'),
          annotation('karpenter.azure.com/aksnodeclass-hash'),
          annotation('karpenter.azure.com/aksnodeclass-hash-version'),
        ],
        reason: 'notes what a node class said, and waits for its nodes before it goes',
      },
      {
        users: karpenter,
        kinds: ['Node'],
        fields: [
          '/spec/taints',
          finalizer('karpenter.sh/termination'),
          label('karpenter.sh/*'),
          annotation('karpenter.sh/*'),
        ],
        reason: 'registers and empties nodes',
      },
    ],
    [
      'kubernetes-sigs/karpenter: pkg/apis/v1/labels.go, pkg/controllers/nodepool/hash',
      'aws/karpenter-provider-aws: pkg/apis/v1/labels.go, pkg/controllers/nodeclass',
    ],
  ),
  preset(
    'velero',
    'Velero',
    [
      {
        users: velero,
        kinds: ['velero.io/*'],
        fields: [
          finalizer('restores.velero.io/external-resources-finalizer'),
          label('velero.io/*'),
          annotation('velero.io/*'),
        ],
        reason: 'labels what belongs together, and clears up before a restore goes',
      },
      {
        users: velero,
        kinds: ['velero.io/Schedule'],
        fields: ['/spec/skipImmediately', '/spec/useOwnerReferencesInBackup'],
        reason: 'takes back the request to skip the next backup',
      },
    ],
    [
      'vmware-tanzu/velero: pkg/controller/schedule_controller.go, pkg/controller/restore_controller.go, pkg/apis/velero/v1',
    ],
  ),
  preset(
    'sealed-secrets',
    'Sealed Secrets',
    [
      {
        users: sealedSecrets,
        kinds: ['Secret'],
        fields: ['/data/*', '/metadata/ownerReferences/*'],
        reason: 'opens SealedSecrets into Secrets that Git declares to be managed or patched',
        ops: ['add'],
      },
      {
        users: sealedSecrets,
        kinds: ['bitnami.com/SealedSecret'],
        fields: [annotation('sealedsecrets.bitnami.com/*')],
        reason: 'notes on a SealedSecret what it did with it',
        unlessDeclared: true,
      },
    ],
    ['bitnami-labs/sealed-secrets: pkg/controller/controller.go, pkg/apis/sealedsecrets/v1alpha1/types.go'],
  ),
]

/** A preset by its name, as the configuration names it. */
export function operatorPreset(name: string): OperatorPreset | undefined {
  return operatorPresets.find((each) => each.name === name)
}
