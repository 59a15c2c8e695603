/** Manifests of many kinds, each with what its server or controllers fill in. */
import type { JsonObject, KubeObject } from '../../model/json.ts'

const namespace = 'kinds'

function namespaced(apiVersion: string, kind: string, name: string, rest: JsonObject): KubeObject {
  const metadata = (rest['metadata'] ?? {}) as JsonObject
  return { apiVersion, kind, ...rest, metadata: { name, namespace, ...metadata } }
}

function cluster(apiVersion: string, kind: string, name: string, rest: JsonObject): KubeObject {
  const metadata = (rest['metadata'] ?? {}) as JsonObject
  return { apiVersion, kind, ...rest, metadata: { name, ...metadata } }
}

const podSpec = (): JsonObject => ({
  containers: [
    {
      name: 'app',
      image: 'example.org/app:1',
      env: [
        { name: 'A', value: '1' },
        { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      ],
      ports: [{ containerPort: 53, protocol: 'UDP' }, { containerPort: 53 }],
      resources: { requests: { cpu: '1000m', memory: '3072Mi' }, limits: { cpu: 1, memory: '3Gi' } },
      readinessProbe: { httpGet: { path: '/', port: 80 } },
      volumeMounts: [{ name: 'config', mountPath: '/config' }],
    },
  ],
  initContainers: [{ name: 'init', image: 'example.org/init', command: ['true'] }],
  volumes: [
    { name: 'config', configMap: { name: 'settings', defaultMode: 420 } },
    { name: 'secret', secret: { secretName: 's' } },
    { name: 'all', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
    { name: 'empty', emptyDir: {} },
  ],
})

const template = (app: string): JsonObject => ({ metadata: { labels: { app } }, spec: podSpec() })
const jobTemplate = (): JsonObject => ({
  metadata: { labels: { app: 'job' } },
  spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'busybox' }] },
})
const selector = (app: string): JsonObject => ({ matchLabels: { app } })
const clientConfig = (name: string): JsonObject => ({ service: { namespace, name, path: '/x' } })

/** The namespace that the namespaced ones are in. */
export const kindsNamespace = namespace

/** To be created in this order. */
export function manifests(): KubeObject[] {
  return [
    cluster('v1', 'Namespace', namespace, { metadata: { labels: { team: 'kinds' } } }),
    namespaced('v1', 'ResourceQuota', 'quota', {
      spec: { hard: { 'requests.cpu': '100', pods: 50, 'count/configmaps': '1e3' } },
    }),
    namespaced('v1', 'LimitRange', 'limits', {
      spec: { limits: [{ type: 'Container', default: { cpu: '500m' }, defaultRequest: { memory: '64Mi' } }] },
    }),
    namespaced('v1', 'ServiceAccount', 'robot', { imagePullSecrets: [{ name: 'pull' }] }),
    namespaced('v1', 'ConfigMap', 'settings', {
      data: { a: '1', __proto__: 'x' },
      binaryData: { b: 'AAE=' },
    }),
    namespaced('v1', 'ConfigMap', 'immutable', {
      data: { a: '1' },
      immutable: true,
      metadata: { labels: {}, annotations: { 'example.org/a': 'b' } },
    }),
    namespaced('v1', 'Secret', 's', {
      stringData: { password: 'hunter22' },
      data: { token: 'YQ==', password: 'b2xk' },
    }),
    namespaced('v1', 'Secret', 'sa-token', {
      type: 'kubernetes.io/service-account-token',
      metadata: { annotations: { 'kubernetes.io/service-account.name': 'robot' } },
    }),
    namespaced('apps/v1', 'Deployment', 'web', {
      spec: { replicas: 2, selector: selector('web'), template: template('web') },
    }),
    namespaced('apps/v1', 'Deployment', 'bare', {
      spec: {
        selector: selector('bare'),
        template: {
          metadata: { labels: { app: 'bare' }, creationTimestamp: null },
          spec: { containers: [{ name: 'c', image: 'busybox', resources: {} }] },
        },
      },
      status: {},
    }),
    namespaced('apps/v1', 'StatefulSet', 'db', {
      spec: {
        serviceName: 'db',
        replicas: 1,
        selector: selector('db'),
        template: template('db'),
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1024Mi' } } },
          },
        ],
      },
    }),
    namespaced('apps/v1', 'DaemonSet', 'agent', {
      spec: { selector: selector('agent'), template: template('agent') },
    }),
    namespaced('apps/v1', 'ReplicaSet', 'rs', {
      spec: { selector: selector('rs'), template: template('rs') },
    }),
    namespaced('v1', 'ReplicationController', 'rc', {
      spec: { selector: { app: 'rc' }, template: template('rc') },
    }),
    namespaced('batch/v1', 'Job', 'once', { spec: { template: jobTemplate() } }),
    namespaced('batch/v1', 'CronJob', 'nightly', {
      spec: { schedule: '0 3 * * *', suspend: true, jobTemplate: { spec: { template: jobTemplate() } } },
    }),
    namespaced('v1', 'Pod', 'pod', { spec: { ...podSpec(), serviceAccountName: 'robot' } }),
    namespaced('v1', 'PodTemplate', 'template', { template: template('tpl') }),
    namespaced('v1', 'Service', 'cluster-ip', {
      spec: {
        selector: { app: 'web' },
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP' },
          { name: 'dns-tcp', port: 53, targetPort: 'dns' },
        ],
      },
    }),
    namespaced('v1', 'Service', 'node-port', {
      spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80 }] },
    }),
    namespaced('v1', 'Service', 'fixed-port', {
      spec: {
        type: 'NodePort',
        selector: { app: 'web' },
        ports: [
          { name: 'a', port: 80, nodePort: 30123 },
          { name: 'b', port: 81 },
        ],
      },
    }),
    namespaced('v1', 'Service', 'fixed-ip', {
      spec: { clusterIP: '10.0.0.77', selector: { app: 'web' }, ports: [{ port: 80 }] },
    }),
    namespaced('v1', 'Service', 'balanced', {
      spec: {
        type: 'LoadBalancer',
        externalTrafficPolicy: 'Local',
        selector: { app: 'web' },
        ports: [{ port: 80, targetPort: 8080 }],
      },
    }),
    namespaced('v1', 'Service', 'external', { spec: { type: 'ExternalName', externalName: 'example.org' } }),
    namespaced('v1', 'Service', 'headless', {
      spec: { clusterIP: 'None', selector: { app: 'db' }, ports: [{ port: 5432 }] },
    }),
    namespaced('v1', 'Service', 'selectorless', { spec: { ports: [{ port: 5432 }] } }),
    namespaced('v1', 'Endpoints', 'selectorless', {
      subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 5432 }] }],
    }),
    namespaced('discovery.k8s.io/v1', 'EndpointSlice', 'slice', {
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.2'] }],
      ports: [{ port: 80 }],
      metadata: { labels: { 'kubernetes.io/service-name': 'selectorless' } },
    }),
    cluster('storage.k8s.io/v1', 'StorageClass', 'fast', {
      provisioner: 'example.org/fast',
      metadata: { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    }),
    cluster('v1', 'PersistentVolume', 'kinds-pv', {
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        hostPath: { path: '/x' },
        storageClassName: 'manual',
      },
    }),
    namespaced('v1', 'PersistentVolumeClaim', 'claim', {
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'manual',
        resources: { requests: { storage: '1024Mi' } },
      },
    }),
    namespaced('v1', 'PersistentVolumeClaim', 'defaulted', {
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    }),
    namespaced('autoscaling/v1', 'HorizontalPodAutoscaler', 'hpa-old', {
      spec: {
        maxReplicas: 3,
        targetCPUUtilizationPercentage: 80,
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'bare' },
      },
    }),
    namespaced('autoscaling/v2', 'HorizontalPodAutoscaler', 'hpa', {
      spec: {
        minReplicas: 1,
        maxReplicas: 3,
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
        metrics: [
          {
            type: 'Resource',
            resource: { name: 'memory', target: { type: 'Utilization', averageUtilization: 80 } },
          },
          {
            type: 'Resource',
            resource: { name: 'cpu', target: { type: 'AverageValue', averageValue: '0.5' } },
          },
        ],
        behavior: { scaleDown: { stabilizationWindowSeconds: 60 } },
      },
    }),
    cluster('networking.k8s.io/v1', 'IngressClass', 'nginx', {
      spec: { controller: 'example.org/nginx' },
      metadata: { annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
    }),
    namespaced('networking.k8s.io/v1', 'Ingress', 'web', {
      spec: {
        rules: [
          {
            host: 'a.example',
            http: {
              paths: [
                {
                  path: '/',
                  pathType: 'Prefix',
                  backend: { service: { name: 'cluster-ip', port: { number: 53 } } },
                },
              ],
            },
          },
        ],
      },
    }),
    namespaced('networking.k8s.io/v1', 'NetworkPolicy', 'deny', {
      spec: { podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] },
    }),
    namespaced('policy/v1', 'PodDisruptionBudget', 'budget', {
      spec: { minAvailable: '50%', selector: selector('web') },
    }),
    namespaced('rbac.authorization.k8s.io/v1', 'Role', 'reader', {
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
    }),
    namespaced('rbac.authorization.k8s.io/v1', 'RoleBinding', 'reader', {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
      subjects: [
        { kind: 'ServiceAccount', name: 'robot' },
        { kind: 'User', name: 'alice' },
      ],
    }),
    cluster('rbac.authorization.k8s.io/v1', 'ClusterRole', 'kinds:part', {
      rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['get'] }],
      metadata: { labels: { 'kinds/aggregate': 'true' } },
    }),
    cluster('rbac.authorization.k8s.io/v1', 'ClusterRole', 'kinds:all', {
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { 'kinds/aggregate': 'true' } }] },
      rules: [],
    }),
    cluster('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'kinds:part', {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'kinds:part' },
      subjects: [{ kind: 'Group', name: 'people' }],
    }),
    cluster('scheduling.k8s.io/v1', 'PriorityClass', 'kinds-high', { value: 1000000, description: 'high' }),
    cluster('node.k8s.io/v1', 'RuntimeClass', 'kinds-gvisor', {
      handler: 'runsc',
      overhead: { podFixed: { memory: '120Mi', cpu: '250m' } },
    }),
    cluster('flowcontrol.apiserver.k8s.io/v1', 'PriorityLevelConfiguration', 'kinds', {
      spec: { type: 'Limited', limited: { nominalConcurrencyShares: 10, limitResponse: { type: 'Reject' } } },
    }),
    cluster('flowcontrol.apiserver.k8s.io/v1', 'FlowSchema', 'kinds', {
      spec: {
        priorityLevelConfiguration: { name: 'kinds' },
        matchingPrecedence: 900,
        rules: [
          {
            subjects: [{ kind: 'User', user: { name: 'x' } }],
            nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }],
          },
        ],
      },
    }),
    namespaced('coordination.k8s.io/v1', 'Lease', 'lease', {
      spec: { holderIdentity: 'x', leaseDurationSeconds: 15, renewTime: '2026-01-02T03:04:05.000000Z' },
    }),
    cluster('admissionregistration.k8s.io/v1', 'MutatingWebhookConfiguration', 'kinds', {
      webhooks: [
        {
          name: 'a.kinds.example',
          clientConfig: clientConfig('mutate'),
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          rules: [
            {
              apiGroups: ['kinds.example'],
              apiVersions: ['v9'],
              resources: ['none'],
              operations: ['CREATE'],
            },
          ],
        },
      ],
    }),
    cluster('admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration', 'kinds', {
      webhooks: [
        {
          name: 'a.kinds.example',
          clientConfig: clientConfig('validate'),
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          rules: [
            {
              apiGroups: ['kinds.example'],
              apiVersions: ['v9'],
              resources: ['none'],
              operations: ['CREATE'],
            },
          ],
        },
      ],
    }),
    cluster('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicy', 'kinds', {
      spec: {
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: ['kinds.example'],
              apiVersions: ['v9'],
              resources: ['none'],
              operations: ['CREATE'],
            },
          ],
        },
        validations: [{ expression: 'object.metadata.name != "x"' }],
      },
    }),
    cluster('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicyBinding', 'kinds', {
      spec: { policyName: 'kinds', validationActions: ['Deny'] },
    }),
    cluster('certificates.k8s.io/v1', 'CertificateSigningRequest', 'kinds', {
      spec: { request: CSR, signerName: 'example.org/kinds', usages: ['client auth', 'digital signature'] },
    }),
    cluster('apiregistration.k8s.io/v1', 'APIService', 'v1alpha1.kinds-aggregated.example', {
      spec: {
        group: 'kinds-aggregated.example',
        version: 'v1alpha1',
        groupPriorityMinimum: 100,
        versionPriority: 15,
        insecureSkipTLSVerify: true,
        service: { namespace, name: 'nobody' },
      },
    }),
    cluster('storage.k8s.io/v1', 'CSIDriver', 'kinds.example', { spec: { attachRequired: false } }),
    cluster('resource.k8s.io/v1', 'DeviceClass', 'kinds.example', {
      spec: { selectors: [{ cel: { expression: 'device.driver == "x"' } }] },
    }),
    customResourceDefinition('Widget', 'widgets', STRUCTURAL),
    customResourceDefinition('Free', 'frees', {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
    }),
  ]
}

/** Of the kinds above; they exist a moment after those. */
export function customResources(): KubeObject[] {
  return [
    namespaced('kinds.example/v1', 'Widget', 'one', {
      spec: {
        size: '1000m',
        items: [{ id: 2 }, { id: 1, note: 'x' }],
        set: ['b', 'a'],
        unknown: { pruned: 1 },
        big: 9007199254740993n,
        percent: '50%',
      },
    }),
    namespaced('kinds.example/v1', 'Free', 'one', {
      anything: { goes: [1, { a: null }], n: 1.5, big: 12345678901234567890n },
      spec: { cpu: '1000m' },
    }),
    cluster('kinds.example/v1', 'Widget', 'two', {
      metadata: { namespace, ownerReferences: [], finalizers: ['kinds.example/hold'] },
      spec: {},
    }),
  ]
}

const STRUCTURAL: JsonObject = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        size: {
          anyOf: [{ type: 'integer' }, { type: 'string' }],
          'x-kubernetes-int-or-string': true,
          pattern:
            '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
        },
        percent: { 'x-kubernetes-int-or-string': true },
        color: { type: 'string', default: 'red' },
        big: { type: 'integer', format: 'int64' },
        items: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['id'],
          items: {
            type: 'object',
            required: ['id'],
            properties: {
              id: { type: 'integer' },
              note: { type: 'string' },
              weight: { type: 'integer', default: 1 },
            },
          },
        },
        set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
      },
    },
  },
}

function customResourceDefinition(kind: string, plural: string, openAPIV3Schema: JsonObject): KubeObject {
  return cluster('apiextensions.k8s.io/v1', 'CustomResourceDefinition', `${plural}.kinds.example`, {
    spec: {
      group: 'kinds.example',
      scope: 'Namespaced',
      names: { kind, plural },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  })
}

/** Made with openssl: CN=kinds, an EC key that nobody has. */
const CSR =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIS01ISUNBUUF3RURFT01Bd0dBMVVFQXd3RmEybHVaSE13V1RBVEJnY3Foa2pPUFFJQkJnZ3Foa2pPUFFNQgpCd05DQUFTSUk1Wk9mckNJWGZvKzRzZ3l3elkzSFRQbDFFcllPZDJuRWVYblJKTHRpQlp4bDJLbVdxRjB1TWNFClpBd3REYlhxQU5hMXpzUkRsdE91UDRHRlF1OFBvQUF3Q2dZSUtvWkl6ajBFQXdJRFNBQXdSUUlnWW9KM0Y3anEKMWlRbThwS2NLek9QRFE2eTVodWZ0VmZkbXZUcE5HZHZtWllDSVFDRFBRcG91ek5NMTZZUER0K0VHb2FPUzZJegpyUHM5RC95TjVwdnc1dHQySXc9PQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K'
