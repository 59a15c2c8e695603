import type { Json } from '../../src/model/json.ts'
import type { Path } from '../../src/model/path.ts'
import { configMap, deployment, service, workload } from '../drift/cases/yaml.ts'

/** A change by hand that is put back, and what Git drops afterwards. */
export interface Repair {
  name: string
  /** `$NS` stands for the agent's namespace; the first document is the object. */
  git: string
  /** A merge patch, unless it is a list (a JSON patch) or says that it is strategic. Absent: the object is deleted. */
  change?: Json | { strategic: Json }
  /** What Git drops once it is repaired: the agent must then remove it, or set it back to its default. */
  drop: Path
}

const item = (keys: { [key: string]: Json }) => ({ keys, index: 0 })
const spec: Path = ['spec', 'template', 'spec']
const app: Path = [...spec, 'containers', item({ name: 'app' })]
const place = '/spec/template/spec'
const inApp = '/spec/template/spec/containers/0'
const label: Path = ['metadata', 'labels', 'team']
const labelled = (yaml: string) => yaml.replace(/metadata: \{/, 'metadata: { labels: { team: a, tier: b }, ')
const relabel = { metadata: { labels: { team: 'evil', rogue: 'x' } } }

const inDeployment = (name: string, change: Json | { strategic: Json }, drop: Path): Repair => ({
  name,
  git: deployment,
  change,
  drop,
})
const stateful = workload('StatefulSet', '').replace(
  'spec:\n  selector',
  'spec:\n  serviceName: db\n  selector',
)
const widget = (rest: string) =>
  `apiVersion: own.example/v1\nkind: Widget\nmetadata: { name: w }\nspec: ${rest}\n`
const role = (kind: string, name: string) =>
  `apiVersion: rbac.authorization.k8s.io/v1\nkind: ${kind}\nmetadata: { name: ${name}, labels: { team: a } }\nrules: [{ apiGroups: [""], resources: [pods], verbs: [get, list] }]\n`

/** Fifty kinds of repair: of what was changed, added, removed and deleted. */
export const repairs: readonly Repair[] = [
  // Modified.
  { name: 'a value of a ConfigMap', git: configMap, change: { data: { a: 'x' } }, drop: ['data', 'a'] },
  inDeployment('an image', [{ op: 'replace', path: `${inApp}/image`, value: 'evil' }], [...app, 'args']),
  inDeployment('replicas', { spec: { replicas: 9 } }, ['spec', 'replicas']),
  inDeployment(
    'args, changed and one more',
    [{ op: 'replace', path: `${inApp}/args`, value: ['--a', '--evil', '--c'] }],
    [...app, 'args'],
  ),
  inDeployment(
    'a value of an env entry',
    [{ op: 'replace', path: `${inApp}/env/2/value`, value: 'debug' }],
    [...app, 'env', item({ name: 'LOG' })],
  ),
  inDeployment(
    'an env entry that reads a Secret',
    [
      {
        op: 'replace',
        path: `${inApp}/env/2`,
        value: { name: 'LOG', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
      },
    ],
    [...app, 'env', item({ name: 'LOG' })],
  ),
  inDeployment(
    'a limit',
    [{ op: 'replace', path: `${inApp}/resources/limits/cpu`, value: '4' }],
    [...app, 'resources', 'limits', 'cpu'],
  ),
  inDeployment(
    'a probe',
    [
      {
        op: 'replace',
        path: `${inApp}/readinessProbe`,
        value: { tcpSocket: { port: 1 }, periodSeconds: 99 },
      },
    ],
    [...app, 'readinessProbe'],
  ),
  inDeployment(
    'a volume of another kind',
    [{ op: 'replace', path: `${place}/volumes/0`, value: { name: 'config', emptyDir: {} } }],
    [...app, 'readinessProbe'],
  ),
  inDeployment(
    'a toleration',
    [{ op: 'replace', path: `${place}/tolerations/0/key`, value: 'evil' }],
    [...spec, 'tolerations'],
  ),
  inDeployment(
    'a spread',
    [{ op: 'replace', path: `${place}/topologySpreadConstraints/0/maxSkew`, value: 5 }],
    [...spec, 'topologySpreadConstraints'],
  ),
  inDeployment(
    'a strategy, in place of a default',
    { spec: { strategy: { type: 'Recreate', rollingUpdate: null } } },
    ['metadata', 'labels', 'app'],
  ),
  inDeployment(
    'a label and a default',
    { metadata: { labels: { app: 'evil' } }, spec: { revisionHistoryLimit: 0 } },
    ['metadata', 'labels', 'app'],
  ),
  {
    name: 'a port of a Service, and its type',
    git: service,
    change: { spec: { type: 'NodePort', ports: [{ name: 'http', port: 80, targetPort: 1 }] } },
    drop: ['spec', 'ports', item({ port: 80, protocol: 'TCP' }), 'targetPort'],
  },
  {
    name: 'a value of a Secret',
    git: 'apiVersion: v1\nkind: Secret\nmetadata: { name: keys }\ndata: { a: eA==, b: eA== }\n',
    change: { data: { a: 'ZXZpbA==' } },
    drop: ['data', 'a'],
  },
  {
    name: 'a value of a Secret that is text in Git',
    git: 'apiVersion: v1\nkind: Secret\nmetadata: { name: texts, labels: { team: a } }\ndata: { a: eA== }\nstringData: { b: z }\n',
    change: { data: { b: 'ZXZpbA==' }, metadata: { labels: { team: 'evil' } } },
    drop: label,
  },
  {
    name: 'a host of an Ingress',
    git: 'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: web }\nspec: { ingressClassName: nginx, rules: [{ host: a.example, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } }] } }] }\n',
    change: [{ op: 'replace', path: '/spec/rules/0/host', value: 'evil.example' }],
    drop: ['spec', 'ingressClassName'],
  },
  {
    name: 'a policy of the network',
    git: labelled(
      'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: deny }\nspec: { podSelector: {}, policyTypes: [Ingress], ingress: [{ ports: [{ port: 80 }] }] }\n',
    ),
    change: { spec: { ingress: [{}] }, ...relabel },
    drop: label,
  },
  {
    name: 'a schedule and a suspension',
    git: 'apiVersion: batch/v1\nkind: CronJob\nmetadata: { name: tick }\nspec: { schedule: "*/5 * * * *", startingDeadlineSeconds: 9, jobTemplate: { spec: { template: { spec: { restartPolicy: Never, containers: [{ name: c, image: x }] } } } } }\n',
    change: { spec: { suspend: true, startingDeadlineSeconds: 99 } },
    drop: ['spec', 'startingDeadlineSeconds'],
  },
  {
    name: 'a budget',
    git: 'apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: { name: web }\nspec: { minAvailable: 50%, unhealthyPodEvictionPolicy: AlwaysAllow, selector: { matchLabels: { app: web } } }\n',
    change: { spec: { minAvailable: 1, unhealthyPodEvictionPolicy: 'IfHealthyBudget' } },
    drop: ['spec', 'unhealthyPodEvictionPolicy'],
  },
  {
    name: 'an autoscaler',
    git: 'apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: { name: web }\nspec: { scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }, minReplicas: 2, maxReplicas: 9, metrics: [{ type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 80 } } }] }\n',
    change: { spec: { minReplicas: 5, maxReplicas: 99 } },
    drop: ['spec', 'minReplicas'],
  },
  {
    name: 'an autoscaler that Git writes at v1',
    git: 'apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: { name: old, labels: { team: a } }\nspec: { scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }, minReplicas: 2, maxReplicas: 9, targetCPUUtilizationPercentage: 70 }\n',
    change: { spec: { maxReplicas: 99 }, metadata: { labels: { team: 'evil' } } },
    drop: label,
  },
  {
    name: 'verbs of a Role',
    git: role('Role', 'reader'),
    change: [{ op: 'add', path: '/rules/0/verbs/-', value: '*' }],
    drop: label,
  },
  {
    name: 'rules of a ClusterRole',
    git: role('ClusterRole', 'own:$NS'),
    change: { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] },
    drop: label,
  },
  {
    name: 'hard limits of a quota',
    git: 'apiVersion: v1\nkind: ResourceQuota\nmetadata: { name: q }\nspec: { hard: { count/leases.coordination.k8s.io: "10", count/gadgets.x.example: "3" } }\n',
    change: { spec: { hard: { 'count/leases.coordination.k8s.io': '99' } } },
    drop: ['spec', 'hard', 'count/gadgets.x.example'],
  },
  {
    name: 'a custom resource: number, map of maps and a free field',
    git: widget(
      '{ size: 2, map: { a: { colour: red }, b: { colour: blue } }, free: { deep: { x: 1, y: 2 } } }',
    ),
    change: { spec: { size: 9, map: { a: { colour: 'evil' } }, free: { deep: { x: 'evil' } } } },
    drop: ['spec', 'map', 'a'],
  },
  {
    name: 'a custom resource: an item of a keyed list',
    git: widget('{ items: [{ name: x, kind: a, value: "1" }, { name: x, kind: b, value: "2" }] }').replace(
      'name: w',
      'name: w2',
    ),
    change: [{ op: 'replace', path: '/spec/items/0/value', value: 'evil' }],
    drop: ['spec', 'items', item({ name: 'x', kind: 'b' })],
  },
  {
    name: 'a StorageClass made the default',
    git: 'apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: { name: own-$NS, labels: { team: a } }\nprovisioner: x.example/y\nallowVolumeExpansion: true\n',
    change: {
      metadata: { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      allowVolumeExpansion: false,
    },
    drop: label,
  },
  {
    name: 'a webhook led elsewhere',
    git: 'apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: { name: own-$NS, labels: { team: a } }\nwebhooks: [{ name: a.example.org, clientConfig: { url: "https://good.example/x" }, admissionReviewVersions: [v1], sideEffects: None, failurePolicy: Ignore, timeoutSeconds: 3, rules: [{ apiGroups: [nobody.example], apiVersions: [v1], resources: [things], operations: [CREATE] }] }]\n',
    change: [{ op: 'replace', path: '/webhooks/0/clientConfig/url', value: 'https://evil.example/x' }],
    drop: ['webhooks', item({ name: 'a.example.org' }), 'timeoutSeconds'],
  },
  // Added.
  inDeployment(
    'a container that was added, with its volume',
    {
      strategic: {
        spec: {
          template: {
            spec: {
              containers: [{ name: 'evil', image: 'e', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
              volumes: [{ name: 'v', emptyDir: {} }],
            },
          },
        },
      },
    },
    [...app, 'env', item({ name: 'BASE' })],
  ),
  inDeployment(
    'an env entry, a port and a mount that were added',
    {
      strategic: {
        spec: {
          template: {
            spec: {
              containers: [
                {
                  name: 'app',
                  env: [{ name: 'E', value: '1' }],
                  ports: [{ containerPort: 99 }],
                  volumeMounts: [{ name: 'config', mountPath: '/other' }],
                },
              ],
            },
          },
        },
      },
    },
    [...app, 'ports', item({ containerPort: 8080, protocol: 'TCP' })],
  ),
  inDeployment(
    'what makes a Pod privileged',
    {
      strategic: {
        spec: {
          template: {
            spec: {
              hostNetwork: true,
              serviceAccountName: 'root',
              containers: [{ name: 'app', securityContext: { privileged: true } }],
            },
          },
        },
      },
    },
    [...spec, 'initContainers', item({ name: 'warm' })],
  ),
  inDeployment('a pause', { spec: { paused: true } }, ['spec', 'replicas']),
  {
    name: 'labels, annotations and a finalizer that were added to what had none',
    git: configMap,
    change: { metadata: { labels: { x: 'y' }, annotations: { x: 'y' }, finalizers: ['x.dev/y'] } },
    drop: ['data', 'b'],
  },
  {
    name: 'an owner that was added',
    git: configMap,
    change: {
      metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Namespace', name: 'x', uid: 'x' }] },
      data: { c: 'x' },
    },
    drop: ['data', 'a'],
  },
  {
    name: 'a finalizer beside that of Git',
    git: configMap.replace('  name: settings', '  name: settings\n  finalizers: [x.dev/a]'),
    change: { metadata: { finalizers: ['x.dev/a', 'x.dev/b'] } },
    drop: ['data', 'a'],
  },
  {
    name: 'a subject that was added',
    git: 'apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: { name: reader, labels: { team: a } }\nroleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }\nsubjects: [{ kind: ServiceAccount, name: default, namespace: $NS }]\n',
    change: [
      {
        op: 'add',
        path: '/subjects/-',
        value: { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'eve' },
      },
    ],
    drop: label,
  },
  {
    name: 'a pull secret that was added',
    git: 'apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: robot }\nautomountServiceAccountToken: false\n',
    change: { imagePullSecrets: [{ name: 'evil' }] },
    drop: ['automountServiceAccountToken'],
  },
  {
    name: 'a member of a set that was added',
    git: widget('{ tags: [one, two], size: 1 }').replace('name: w', 'name: w3'),
    change: { spec: { tags: ['one', 'evil', 'two'] } },
    drop: ['spec', 'size'],
  },
  // With managedFields cleared besides.
  {
    name: 'a ConfigMap whose managedFields were cleared',
    git: configMap,
    change: { data: { a: 'x' }, metadata: { managedFields: [{}] } },
    drop: ['data', 'a'],
  },
  inDeployment(
    'a Deployment whose managedFields were cleared',
    { spec: { replicas: 9 }, metadata: { managedFields: [{}] } },
    [...app, 'env', item({ name: 'LOG' })],
  ),
  // Removed.
  {
    name: 'a removed key of a ConfigMap',
    git: configMap,
    change: { data: { a: null } },
    drop: ['data', 'a'],
  },
  { name: 'all data removed', git: configMap, change: { data: null }, drop: ['data', 'a'] },
  {
    name: 'the labels of Git removed',
    git: configMap.replace('  name: settings', '  name: settings\n  labels: { team: a }'),
    change: { metadata: { labels: { team: null } } },
    drop: label,
  },
  inDeployment(
    'a removed init container',
    [{ op: 'remove', path: `${place}/initContainers/0` }],
    [...spec, 'initContainers', item({ name: 'migrate' })],
  ),
  inDeployment(
    'removed env',
    [{ op: 'remove', path: `${inApp}/env` }],
    [...app, 'env', item({ name: 'LOG' })],
  ),
  inDeployment(
    'removed limits and a removed probe',
    [
      { op: 'remove', path: `${inApp}/resources/limits` },
      { op: 'remove', path: `${inApp}/readinessProbe` },
    ],
    [...app, 'readinessProbe'],
  ),
  inDeployment(
    'one of two ports of one number removed',
    [{ op: 'remove', path: `${inApp}/ports/2` }],
    [...app, 'ports', item({ containerPort: 53, protocol: 'TCP' })],
  ),
  {
    name: 'a removed entry of a map, and all of a free field, of a custom resource',
    git: widget('{ map: { a: { colour: red }, b: { colour: blue } }, free: { deep: { x: 1 } } }').replace(
      'name: w',
      'name: w4',
    ),
    change: { spec: { map: { a: null }, free: null } },
    drop: ['spec', 'map', 'a'],
  },
  // Deleted.
  { name: 'a deleted ConfigMap', git: configMap, drop: ['data', 'a'] },
  { name: 'a deleted Deployment', git: deployment, drop: [...app, 'env', item({ name: 'LOG' })] },
  { name: 'a deleted StatefulSet', git: labelled(stateful), drop: label },
  {
    name: 'a deleted Service',
    git: service,
    drop: ['spec', 'ports', item({ port: 80, protocol: 'TCP' }), 'targetPort'],
  },
  { name: 'a deleted ClusterRole', git: role('ClusterRole', 'own:$NS:gone'), drop: label },
  {
    name: 'a deleted custom resource',
    git: widget('{ size: 2, map: { a: { colour: red } } }').replace('name: w', 'name: w5'),
    drop: ['spec', 'size'],
  },
]

/** The definition of the custom resources. */
export const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.own.example }
spec:
  group: own.example
  scope: Namespaced
  names: { kind: Widget, plural: widgets }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                size: { type: integer }
                tags: { type: array, x-kubernetes-list-type: set, items: { type: string } }
                map: { type: object, additionalProperties: { type: object, properties: { colour: { type: string } } } }
                free: { type: object, x-kubernetes-preserve-unknown-fields: true }
                items:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [name, kind]
                  items: { type: object, required: [name, kind], properties: { name: { type: string }, kind: { type: string }, value: { type: string } } }
`
