import type { Allowance, NamedBy, ObjectSelector } from '../../model/policy.ts'
import { accountUser } from '../actors.ts'

/**
 * What well-known operators write on objects that Git declares, installed as their projects say: each a permission as
 * narrow as what it does. What they write into `status`, and objects that they make for an owner, needs none. The
 * watcher knows no writer where it has no record of one, and then these fields are anybody's: so nothing here is wide.
 */
export interface OperatorPreset {
  name: string
  title: string
  allowances: readonly Allowance[]
  /** Where it was read: repository, version or commit, files. What was looked for and left out stands here too. */
  sources: readonly string[]
}

interface Line {
  users: readonly string[]
  kinds: readonly string[]
  namespaces?: readonly string[]
  names?: readonly string[]
  fields: readonly string[]
  reason: string
  ops?: Allowance['ops']
  /** Only where Git leaves the field out. */
  unlessDeclared?: true
  /** Only an empty object. */
  onlyEmpty?: true
  /** Only for objects that Git gives to the operator by name. */
  namedBy?: NamedBy
}

function preset(
  name: string,
  title: string,
  lines: readonly Line[],
  sources: readonly string[],
): OperatorPreset {
  const allowances = lines.map(
    ({
      users,
      kinds,
      namespaces,
      names,
      fields,
      reason,
      ops,
      unlessDeclared,
      onlyEmpty,
      namedBy,
    }): Allowance => {
      const objects: ObjectSelector = {
        kinds,
        ...(namespaces === undefined ? {} : { namespaces }),
        ...(names === undefined ? {} : { names }),
      }
      return {
        name,
        reason,
        users,
        objects,
        fields,
        ...(ops === undefined ? {} : { ops }),
        ...(unlessDeclared === undefined ? {} : { unlessDeclared }),
        ...(onlyEmpty === undefined ? {} : { onlyEmpty }),
        ...(namedBy === undefined ? {} : { namedBy }),
      }
    },
  )
  return { name, title, allowances, sources }
}

const escaped = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1')
const annotation = (key: string) => `/metadata/annotations/${escaped(key)}`
const label = (key: string) => `/metadata/labels/${escaped(key)}`
const finalizer = (name: string) => `/metadata/finalizers/${escaped(name)}`

const validating = 'admissionregistration.k8s.io/ValidatingWebhookConfiguration'
const mutating = 'admissionregistration.k8s.io/MutatingWebhookConfiguration'
const crd = 'apiextensions.k8s.io/CustomResourceDefinition'
const apiService = 'apiregistration.k8s.io/APIService'
const webhookCa = '/webhooks/*/clientConfig/caBundle'
const conversionCa = '/spec/conversion/webhook/clientConfig/caBundle'

const certManager = accountUser('cert-manager', 'cert-manager')
const certManagerWebhook = accountUser('cert-manager', 'cert-manager-webhook')
const cainjector = accountUser('cert-manager', 'cert-manager-cainjector')
// kube-prometheus; kube-prometheus-stack, whose names are its release's, cut at 26 letters.
const prometheusOperator = [
  accountUser('monitoring', 'prometheus-operator'),
  accountUser('monitoring', 'kube-prometheus-stack-operator'),
  accountUser('monitoring', '*-kube-prometheus-stack-operator'),
  accountUser('monitoring', '*-kube-prometheus-operator'),
]
const prometheusAdmission = ['kube-prometheus-stack', '*-kube-prometheus-stack', '*-kube-prometheus'].map(
  (name) => `${name}-admission`,
)
const externalSecrets = accountUser('external-secrets', 'external-secrets')
const externalSecretsCerts = accountUser('external-secrets', 'external-secrets-cert-controller')
const keda = accountUser('keda', 'keda-operator')
const rollouts = accountUser('argo-rollouts', 'argo-rollouts')
const canaryTarget = { kind: 'flagger.app/Canary', at: ['/spec/targetRef'] }
const canaryNames = { kind: 'flagger.app/Canary', at: ['/spec/service/name', '/spec/targetRef/name'] }
const rolloutServices = {
  kind: 'argoproj.io/Rollout',
  at: [
    'canary/stableService',
    'canary/canaryService',
    'canary/pingPong/pingService',
    'canary/pingPong/pongService',
    'blueGreen/activeService',
    'blueGreen/previewService',
  ].map((place) => `/spec/strategy/${place}`),
}
const flagger = [accountUser('flagger-system', 'flagger'), accountUser('istio-system', 'flagger')]
// The account is named after the revision.
const istiod = [accountUser('istio-system', 'istiod'), accountUser('istio-system', 'istiod-*')]
const crossplane = accountUser('crossplane-system', 'crossplane')
// Crossplane names the accounts after the package and its revision.
const providers = [
  accountUser('crossplane-system', 'provider-*'),
  accountUser('crossplane-system', 'upbound-provider-*'),
  accountUser('crossplane-system', 'crossplane-contrib-provider-*'),
]
// As its Makefile and its chart's README install it, and on Azure.
const karpenter = [
  accountUser('kube-system', 'karpenter'),
  accountUser('karpenter', 'karpenter'),
  accountUser('kube-system', 'karpenter-sa'),
]
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
const externalDns = [
  accountUser('external-dns', 'external-dns'),
  accountUser('default', 'external-dns'),
  accountUser('kube-system', 'external-dns'),
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
        kinds: [validating, mutating],
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
          '/data/keystore.p12',
          '/data/keystore.jks',
          '/data/truststore.p12',
          '/data/truststore.jks',
          annotation('cert-manager.io/certificate-name'),
          annotation('cert-manager.io/issuer-*'),
          annotation('cert-manager.io/common-name'),
          annotation('cert-manager.io/alt-names'),
          annotation('cert-manager.io/*-sans'),
          annotation('cert-manager.io/subject-*'),
          label('controller.cert-manager.io/fao'),
        ],
        reason: 'issues certificates into Secrets that Git leaves empty',
        unlessDeclared: true,
      },
      {
        users: [certManagerWebhook],
        kinds: ['Secret'],
        namespaces: ['cert-manager'],
        names: ['cert-manager-webhook-ca'],
        fields: ['/data/ca.crt', '/data/tls.crt', '/data/tls.key'],
        reason: 'keeps the certificate authority of its own webhook',
      },
    ],
    [
      'cert-manager/cert-manager@v1.21.2: pkg/controller/cainjector/injectables.go, deploy/charts/cert-manager/templates/_helpers.tpl',
      'cert-manager/cert-manager@v1.21.2: pkg/controller/certificates/issuing/internal/secret.go, internal/controller/certificates (AnnotationsForCertificate), pkg/apis/certmanager/v1/types.go',
      'cert-manager/cert-manager@v1.21.2: pkg/server/tls/authority/authority.go, deploy/charts/cert-manager/templates/webhook-deployment.yaml',
      'left out: HTTP-01 solver paths in declared Ingresses (edit in place, pkg/issuer/acme/http/ingress.go), which would open their paths; labels and annotations of secretTemplate; owner references (off unless asked for)',
    ],
  ),
  preset(
    'prometheus-operator',
    'Prometheus Operator',
    [
      {
        users: prometheusOperator,
        kinds: [
          'monitoring.coreos.com/Prometheus',
          'monitoring.coreos.com/PrometheusAgent',
          'monitoring.coreos.com/Alertmanager',
          'monitoring.coreos.com/ThanosRuler',
        ],
        fields: [finalizer('monitoring.coreos.com/status-cleanup')],
        reason: 'takes its status off what a workload selected before that goes',
      },
      {
        users: prometheusAdmission.map((name) => accountUser('monitoring', name)),
        kinds: [validating, mutating],
        names: prometheusAdmission,
        fields: [webhookCa],
        reason: 'the Job of its chart puts the certificate authority into its webhooks',
      },
    ],
    [
      'prometheus-operator/prometheus-operator@v0.85.0: pkg/operator/finalizer.go, pkg/k8sutil/k8sutil.go',
      'prometheus-community/helm-charts@cf408a2 kube-prometheus-stack 88.5.3: templates/_helpers.tpl, templates/prometheus-operator/admission-webhooks',
      'of the four kinds, v0.85.0 does so for Prometheus, where its feature gate is on; its comment names all four',
      'left out: the Service and Endpoints of kubelets, which it makes itself; failurePolicy, which the Job changes only where the chart is told IgnoreOnInstallOnly',
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
          annotation('reconcile.external-secrets.io/data-hash'),
          label('reconcile.external-secrets.io/managed'),
          label('reconcile.external-secrets.io/created-by'),
        ],
        reason: 'fills Secrets with what the store holds, where Git leaves the key out',
        unlessDeclared: true,
      },
      {
        users: [externalSecrets],
        kinds: ['external-secrets.io/ExternalSecret'],
        fields: [finalizer('externalsecrets.external-secrets.io/externalsecret-cleanup')],
        reason: 'clears up before an ExternalSecret goes',
      },
      {
        users: [externalSecrets],
        kinds: ['external-secrets.io/ClusterExternalSecret'],
        fields: [finalizer('externalsecrets.external-secrets.io/clusterexternalsecret-cleanup')],
        reason: 'clears up before a ClusterExternalSecret goes',
      },
      {
        users: [externalSecrets],
        kinds: ['Namespace'],
        fields: [finalizer('externalsecrets.external-secrets.io/ces-*')],
        reason: 'clears up what a ClusterExternalSecret made before the namespace goes',
      },
      {
        users: [externalSecrets],
        kinds: ['external-secrets.io/PushSecret'],
        fields: [finalizer('pushsecret.externalsecrets.io/finalizer')],
        reason: 'takes back from the store what it pushed before a PushSecret goes',
      },
      {
        users: [externalSecrets],
        kinds: ['external-secrets.io/SecretStore', 'external-secrets.io/ClusterSecretStore'],
        fields: [finalizer('secretstore.externalsecrets.io/finalizer')],
        reason: 'keeps a store while PushSecrets need it to clear up',
      },
      {
        users: [externalSecretsCerts],
        kinds: [validating],
        names: ['secretstore-validate', 'externalsecret-validate'],
        fields: [webhookCa],
        reason: 'puts the certificate authority into its webhooks',
      },
      {
        users: [externalSecretsCerts],
        kinds: [crd],
        names: ['*.external-secrets.io'],
        fields: [conversionCa],
        reason: 'puts the certificate authority into its conversion webhooks',
      },
      {
        users: [externalSecretsCerts],
        kinds: ['Secret'],
        namespaces: ['external-secrets'],
        names: ['external-secrets-webhook'],
        fields: ['/data/ca.crt', '/data/ca.key', '/data/tls.crt', '/data/tls.key'],
        reason: 'keeps the certificate of its own webhook',
      },
    ],
    [
      'external-secrets/external-secrets@helm-chart-2.9.0: pkg/controllers/{externalsecret,clusterexternalsecret,pushsecret,secretstore}, apis/externalsecrets/v1/externalsecret_types.go',
      'external-secrets/external-secrets@helm-chart-2.9.0: pkg/controllers/{webhookconfig,crds}, deploy/charts/external-secrets/templates (_helpers.tpl, cert-controller-rbac.yaml, validatingwebhook.yaml, webhook-secret.yaml)',
      'left out: labels and annotations of target templates; manifests other than Secrets as targets (off unless asked for)',
    ],
  ),
  preset(
    'keda',
    'KEDA',
    [
      {
        users: [keda],
        kinds: [
          'keda.sh/ScaledObject',
          'keda.sh/ScaledJob',
          'keda.sh/TriggerAuthentication',
          'keda.sh/ClusterTriggerAuthentication',
          'eventing.keda.sh/CloudEventSource',
          'eventing.keda.sh/ClusterCloudEventSource',
        ],
        fields: [finalizer('finalizer.keda.sh')],
        reason: 'stops scaling before one of its resources goes',
      },
      {
        users: [keda],
        kinds: ['keda.sh/ScaledObject'],
        fields: [label('scaledobject.keda.sh/name')],
        reason: 'labels a ScaledObject by its name, for its metrics to be found',
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
        kinds: [validating],
        names: ['keda-admission'],
        fields: [webhookCa],
        reason: 'puts its certificate authority into its webhooks',
      },
      {
        users: [keda],
        kinds: ['Secret'],
        namespaces: ['keda'],
        names: ['kedaorg-certs'],
        fields: ['/data/ca.crt', '/data/ca.key', '/data/tls.crt', '/data/tls.key'],
        reason: 'keeps its certificates',
      },
    ],
    [
      'kedacore/keda@v2.21.0: controllers/keda (scaledobject_finalizer.go, scaledjob_finalizer.go, scaledobject_controller.go, util/finalizer.go), controllers/eventing/finalizer.go',
      'kedacore/keda@v2.21.0: pkg/certificates/certificate_manager.go, cmd/operator/main.go; open-policy-agent/cert-controller@v0.16.0: pkg/rotator/rotator.go',
      'kedacore/charts@1444d00: keda/values.yaml (accounts)',
      'replicas: Git declares the ScaledObject, and src/policy/autoscaled.ts reads that; left out: taking over a declared HorizontalPodAutoscaler',
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
          annotation('notified.notifications.argoproj.io'),
        ],
        reason: 'notes the revision of the newest ReplicaSet, and what it has told people',
      },
      {
        users: [rollouts],
        kinds: ['argoproj.io/Rollout'],
        fields: ['/spec/replicas'],
        reason: 'sets one replica where Git leaves their number out',
        ops: ['add'],
        unlessDeclared: true,
      },
      {
        users: [rollouts],
        kinds: ['argoproj.io/Rollout'],
        fields: [
          '/spec/template/spec/containers/*/resources',
          '/spec/template/spec/initContainers/*/resources',
        ],
        reason: 'writes a Rollout by its own types, which have empty resources where Git has none',
        ops: ['add'],
        unlessDeclared: true,
        onlyEmpty: true,
      },
      {
        users: [rollouts],
        kinds: ['Service'],
        fields: [
          '/spec/selector/rollouts-pod-template-hash',
          annotation('argo-rollouts.argoproj.io/managed-by-rollouts'),
        ],
        reason: 'points the Services that a Rollout names at their ReplicaSets',
        namedBy: rolloutServices,
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
        kinds: [
          'gateway.networking.k8s.io/HTTPRoute',
          'gateway.networking.k8s.io/GRPCRoute',
          'gateway.networking.k8s.io/TCPRoute',
          'gateway.networking.k8s.io/TLSRoute',
        ],
        fields: ['/spec/rules/*/backendRefs/*/weight', label('rollouts.argoproj.io/gatewayapi-canary')],
        reason: 'shifts traffic between stable and canary, and labels the route meanwhile',
      },
      {
        users: [rollouts],
        kinds: ['networking.k8s.io/Ingress'],
        fields: [
          annotation('alb.ingress.kubernetes.io/actions.*'),
          annotation('alb.ingress.kubernetes.io/conditions.*'),
          annotation('rollouts.argoproj.io/managed-alb-actions'),
          annotation('rollouts.argoproj.io/managed-alb-annotations'),
        ],
        reason: 'shifts traffic through an AWS load balancer',
      },
      {
        users: [rollouts],
        kinds: ['traefik.io/TraefikService', 'traefik.containo.us/TraefikService'],
        fields: ['/spec/weighted/services/*/weight'],
        reason: 'shifts traffic between stable and canary',
      },
    ],
    [
      'argoproj/argo-rollouts@v1.10.2: rollout/controller.go, rollout/sync.go, rollout/service.go, service/service.go, utils/annotations/annotations.go, manifests/base',
      'argoproj/argo-rollouts@v1.10.2: rollout/trafficrouting/{istio,alb,traefik}, ingress/alb.go, utils/ingress/ingress.go, pkg/apis/rollouts/v1alpha1/types.go',
      'argoproj-labs/rollouts-plugin-trafficrouter-gatewayapi@v0.15.0: pkg/plugin, internal/defaults/defaults.go',
      'left out: routes that setHeaderRoute and setMirrorRoute add; scaleDown of a workloadRef (off unless asked for), which would open the replicas of every Deployment; Ambassador, APISIX, App Mesh, SMI',
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
        namedBy: canaryTarget,
      },
      {
        users: flagger,
        kinds: ['apps/DaemonSet'],
        fields: ['/spec/template/spec/nodeSelector/flagger.app~1scale-to-zero'],
        reason: 'takes a canary off every node when it is not analysed',
        namedBy: canaryTarget,
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
        reason:
          'shifts traffic between primary and canary, in routes that Git declares as it would make them',
        namedBy: canaryNames,
      },
      {
        users: flagger,
        kinds: ['gateway.networking.k8s.io/HTTPRoute'],
        fields: ['/spec/rules/*/backendRefs/*/weight'],
        reason:
          'shifts traffic between primary and canary, in routes that Git declares as it would make them',
        namedBy: canaryNames,
      },
      {
        users: flagger,
        kinds: ['keda.sh/ScaledObject'],
        fields: [annotation('autoscaling.keda.sh/paused-replicas')],
        reason: 'holds the autoscaler of a canary that is not analysed',
        namedBy: { kind: 'flagger.app/Canary', at: ['/spec/autoscalerRef'] },
      },
      {
        users: flagger,
        kinds: ['Service'],
        fields: ['/spec/selector/*'],
        reason: 'points the Service of an app at its primary',
        namedBy: canaryNames,
      },
      {
        users: flagger,
        kinds: ['Service'],
        fields: [
          annotation('kustomize.toolkit.fluxcd.io/reconcile'),
          annotation('helm.toolkit.fluxcd.io/driftDetection'),
        ],
        reason: 'asks Flux to leave alone the Service that it points elsewhere',
        namedBy: canaryNames,
        ops: ['add'],
        unlessDeclared: true,
      },
    ],
    [
      'fluxcd/flagger@v1.41.0: pkg/canary (deployment_controller.go, daemonset_controller.go, scaled_object_reconciler.go), pkg/controller/finalizer.go',
      'fluxcd/flagger@v1.41.0: pkg/router (istio.go, gateway_api.go, kubernetes_default.go, util.go), charts/flagger, kustomize (namespaces flagger-system, istio-system)',
      'left out: what it makes and owns (primary copies, routes, Services), whole specs of declared VirtualServices and A/B matches, Services of other ports than the Canary says; other meshes',
    ],
  ),
  preset(
    'istio',
    'Istio',
    [
      {
        users: istiod,
        kinds: [mutating],
        names: ['istio-sidecar-injector*', 'istio-revision-tag-*'],
        fields: [webhookCa],
        reason: 'puts its certificate authority into its webhooks',
      },
      {
        users: istiod,
        kinds: [validating],
        names: ['istio-validator*', 'istiod-default-validator'],
        fields: [webhookCa, '/webhooks/*/failurePolicy'],
        reason: 'puts its certificate authority into its webhooks and closes validation once it is ready',
      },
      {
        users: istiod,
        kinds: ['gateway.networking.k8s.io/Gateway'],
        fields: [annotation('gateway.istio.io/controller-version')],
        reason: 'notes which version of it keeps a Gateway',
      },
      {
        users: istiod,
        kinds: ['ConfigMap'],
        names: ['istio-ca-root-cert', 'istio-ca-crl'],
        fields: ['/data/root-cert.pem', '/data/ca-crl.pem'],
        reason: 'publishes its certificate authority in each namespace',
      },
      {
        users: istiod,
        kinds: ['Secret'],
        namespaces: ['istio-system'],
        names: ['istio-ca-secret'],
        fields: ['/data/*.pem'],
        reason: 'keeps the certificate authority that it makes for itself',
      },
    ],
    [
      'istio/istio@eed52ebb66ad: pkg/webhooks/webhookpatch.go, pkg/webhooks/validation/controller/controller.go, manifests/charts (istio-control/istio-discovery, default)',
      'istio/istio@eed52ebb66ad: pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go, pkg/config/constants/constants.go, pilot/pkg/features/experimental.go, security/pkg/pki/ca/ca.go',
    ],
  ),
  preset(
    'crossplane',
    'Crossplane',
    [
      {
        users: [crossplane],
        kinds: ['apiextensions.crossplane.io/CompositeResourceDefinition'],
        fields: [
          finalizer('defined.apiextensions.crossplane.io'),
          finalizer('offered.apiextensions.crossplane.io'),
        ],
        reason: 'takes its resources down before a definition goes',
      },
      {
        users: [crossplane],
        kinds: anyCustom,
        fields: [
          finalizer('finalizer.apiextensions.crossplane.io'),
          finalizer('composite.apiextensions.crossplane.io'),
          annotation('crossplane.io/external-name'),
          label('crossplane.io/composite'),
        ],
        reason: 'clears up composites and claims before they go, and names what it binds',
        unlessDeclared: true,
      },
      {
        users: [crossplane],
        kinds: anyCustom,
        fields: [
          '/spec/compositionRef',
          '/spec/compositionRevisionRef',
          '/spec/compositionRevisionSelector',
          '/spec/resourceRef',
          '/spec/resourceRefs',
          '/spec/claimRef',
          '/spec/writeConnectionSecretToRef',
          '/spec/crossplane/compositionRef',
          '/spec/crossplane/compositionRevisionRef',
          '/spec/crossplane/resourceRefs',
        ],
        reason: 'binds claims, composites and compositions',
        unlessDeclared: true,
      },
      {
        users: [crossplane],
        kinds: ['*'],
        fields: [label('crossplane.io/in-use')],
        reason: 'marks what a Usage protects',
      },
      {
        users: [crossplane],
        kinds: [
          'protection.crossplane.io/Usage',
          'protection.crossplane.io/ClusterUsage',
          'apiextensions.crossplane.io/Usage',
        ],
        fields: [
          finalizer('usage.apiextensions.crossplane.io'),
          annotation('crossplane.io/usage-details'),
          '/metadata/ownerReferences/*',
          '/spec/of/resourceRef',
          '/spec/by/resourceRef',
        ],
        reason: 'finds what a Usage selects, and binds it to what uses it',
        unlessDeclared: true,
      },
      {
        users: [crossplane],
        kinds: ['ops.crossplane.io/WatchOperation'],
        fields: [finalizer('watchoperation.ops.crossplane.io')],
        reason: 'stops watching before a WatchOperation goes',
      },
      {
        users: [crossplane],
        kinds: ['Secret'],
        namespaces: ['crossplane-system'],
        names: ['crossplane-root-ca', 'crossplane-tls-server', 'crossplane-tls-client'],
        fields: ['/data/ca.crt', '/data/tls.crt', '/data/tls.key'],
        reason: 'fills its certificates into the empty Secrets of its chart',
      },
      {
        users: providers,
        kinds: anyCustom,
        fields: [
          finalizer('finalizer.managedresource.crossplane.io'),
          annotation('crossplane.io/external-name'),
          annotation('crossplane.io/external-create-*'),
          '/spec/forProvider/*',
        ],
        reason: 'notes what it made outside, and fills in what Git leaves to the provider',
        unlessDeclared: true,
      },
      {
        users: providers,
        kinds: ['*.*/ProviderConfig', '*.*/ClusterProviderConfig'],
        fields: [finalizer('in-use.crossplane.io')],
        reason: 'keeps credentials while resources need them',
      },
    ],
    [
      'crossplane/crossplane@2d040d2: internal/controller/apiextensions (claim, composite, definition, offered), internal/controller/{protection/usage,ops/watchoperation}',
      'crossplane/crossplane@2d040d2: internal/initializer/tls.go, cluster/charts/crossplane/templates (secret.yaml, serviceaccount.yaml)',
      'crossplane/crossplane-runtime@4e7ed23: pkg/reconciler/{managed,providerconfig}, pkg/meta/meta.go, pkg/xcrd, pkg/resource/unstructured/{claim,composite}',
      'not confirmed: the account names of providers, which follow the names that people and dependencies give packages',
      'left out: webhook configurations and CRDs that its init container and packages install and own; package upgrades (off unless asked for)',
    ],
  ),
  preset(
    'vpa',
    'Vertical Pod Autoscaler',
    [
      {
        users: [accountUser('kube-system', 'vpa-updater')],
        kinds: ['Pod'],
        fields: ['/spec/containers/*/resources', annotation('vpaInPlaceUpdated')],
        reason: 'resizes Pods in place',
      },
      {
        users: [accountUser('kube-system', 'vpa-admission-controller')],
        kinds: [mutating],
        names: ['vpa-webhook-config'],
        fields: [webhookCa],
        reason: 'puts its certificate authority into its webhook',
      },
    ],
    [
      'kubernetes/autoscaler@vertical-pod-autoscaler/v1.8.1: deploy/vpa-rbac.yaml, pkg/updater/restriction/pods_inplace_restriction.go, pkg/utils/annotations, pkg/admission-controller/{config,certs}.go',
      'left out: the webhook configuration that it makes and owns where it registers itself; requests it sets on new Pods are admission, not a write',
    ],
  ),
  preset(
    'cluster-autoscaler',
    'Cluster Autoscaler',
    [
      {
        users: autoscaler,
        kinds: ['Node'],
        fields: ['/spec/taints', '/spec/unschedulable'],
        reason: 'empties nodes before it removes them, and cordons them where it is told to',
      },
      {
        users: autoscaler,
        kinds: ['ConfigMap'],
        namespaces: ['kube-system'],
        names: ['cluster-autoscaler-status'],
        fields: ['/data/status', annotation('cluster-autoscaler.kubernetes.io/last-updated')],
        reason: 'reports its state',
      },
    ],
    [
      'kubernetes/autoscaler@0af55ac: cluster-autoscaler/utils/taints/taints.go; @2a88180: cluster-autoscaler/clusterstate/utils/status.go (an old version; no newer one was at hand)',
      'kubernetes/autoscaler@55c37cd: cluster-autoscaler/charts/cluster-autoscaler (accounts), cluster-autoscaler/cloudprovider/aws/examples',
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
        kinds: ['karpenter.k8s.aws/EC2NodeClass'],
        fields: [
          finalizer('karpenter.k8s.aws/termination'),
          annotation('karpenter.k8s.aws/ec2nodeclass-hash'),
          annotation('karpenter.k8s.aws/ec2nodeclass-hash-version'),
        ],
        reason: 'notes what a node class said, and waits for its nodes before it goes',
      },
      {
        users: karpenter,
        kinds: ['karpenter.azure.com/AKSNodeClass'],
        fields: [
          finalizer('karpenter.azure.com/termination'),
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
          label('karpenter.k8s.aws/*'),
          label('karpenter.azure.com/*'),
          annotation('karpenter.sh/*'),
        ],
        reason: 'registers and empties nodes',
      },
    ],
    [
      'kubernetes-sigs/karpenter@v1.15.0: pkg/apis/v1/labels.go, pkg/controllers/{nodepool/hash,node/termination,node/hydration,nodeclaim/lifecycle}',
      'aws/karpenter-provider-aws@v1.15.1: pkg/apis/v1/labels.go, pkg/controllers/nodeclass, charts/karpenter/README.md (namespace karpenter), Makefile (namespace kube-system)',
      'Azure/karpenter-provider-azure@352646f: pkg/apis/v1beta1/labels.go, pkg/controllers/nodeclass, Makefile-az.mk (account karpenter-sa)',
      'left out: other labels and the owner of Nodes; node classes of other clouds',
    ],
  ),
  preset(
    'velero',
    'Velero',
    [
      {
        users: velero,
        kinds: ['velero.io/Restore'],
        fields: [finalizer('restores.velero.io/external-resources-finalizer')],
        reason: 'clears up before a restore goes',
      },
      {
        users: velero,
        kinds: ['velero.io/Restore'],
        fields: ['/spec/backupName', '/spec/scheduleName', '/spec/excludedResources'],
        reason: 'notes which backup a restore took, and what cannot be restored',
        unlessDeclared: true,
      },
      {
        users: velero,
        kinds: ['velero.io/Backup'],
        fields: [
          label('velero.io/storage-location'),
          annotation('velero.io/source-cluster-k8s-*'),
          annotation('velero.io/resource-timeout'),
          annotation('velero.io/global-backup-volume-policy-configmap'),
        ],
        reason: 'notes where a backup is, and what cluster it is of',
      },
      {
        users: velero,
        kinds: ['velero.io/Backup'],
        fields: [
          '/spec/ttl',
          '/spec/storageLocation',
          '/spec/volumeSnapshotLocations',
          '/spec/volumeGroupSnapshotLabelKey',
          '/spec/csiSnapshotTimeout',
          '/spec/itemOperationTimeout',
          '/spec/defaultVolumesToFsBackup',
          '/spec/snapshotMoveData',
          '/spec/excludedNamespaces',
        ],
        reason: 'fills in the defaults of a backup where Git leaves them out',
        unlessDeclared: true,
      },
      {
        users: velero,
        kinds: ['velero.io/Schedule'],
        fields: ['/spec/skipImmediately'],
        reason: 'takes back the request to skip the next backup',
      },
      {
        users: velero,
        kinds: ['velero.io/BackupStorageLocation'],
        fields: ['/spec/default'],
        reason: 'keeps one default location',
      },
      {
        users: velero,
        kinds: ['*'],
        fields: [label('velero.io/backup-name'), label('velero.io/restore-name')],
        reason: 'labels what it restores; what a restore changes otherwise is held to Git',
        ops: ['add', 'replace'],
      },
    ],
    [
      'vmware-tanzu/velero@v1.18.3: pkg/controller/{schedule,restore,backup,backup_storage_location}_controller.go, pkg/cmd/server/server.go, pkg/restore/restore.go, pkg/apis/velero/v1/labels_annotations.go, pkg/install/resources.go',
      'vmware-tanzu/helm-charts@velero-12.1.0: charts/velero/templates/_helpers.tpl (account)',
    ],
  ),
  preset(
    'sealed-secrets',
    'Sealed Secrets',
    [
      {
        users: sealedSecrets,
        kinds: ['Secret'],
        fields: ['/data/*'],
        reason:
          'opens SealedSecrets into Secrets that Git declares to be patched, where Git leaves the key out',
        unlessDeclared: true,
      },
    ],
    [
      'bitnami-labs/sealed-secrets@v0.40.0: pkg/controller/controller.go, pkg/apis/sealedsecrets/v1alpha1/types.go, controller.jsonnet, helm/sealed-secrets/templates/_helpers.tpl, README.md',
      'left out: labels, annotations and owners that a template gives a Secret; a SealedSecret itself gets a status only',
    ],
  ),
  preset(
    'external-dns',
    'ExternalDNS',
    [
      {
        users: externalDns,
        kinds: ['externaldns.k8s.io/DNSRecord'],
        fields: ['/spec'],
        reason:
          'keeps one object a record where its registry is the cluster; of others it writes the status only',
      },
    ],
    [
      'kubernetes-sigs/external-dns@v0.23.0: registry/crd/crd.go, source/crd.go, charts/external-dns/templates (clusterrole.yaml, _helpers.tpl), kustomize, docs/tutorials (namespaces)',
    ],
  ),
]

/** A preset by its name, as the configuration names it. */
export function operatorPreset(name: string): OperatorPreset | undefined {
  return operatorPresets.find((each) => each.name === name)
}
