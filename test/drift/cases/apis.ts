import { at, edit, json, kubectl, merge, remove, strategic, type DriftCase } from '../drift-case.ts'
import { service } from './yaml.ts'

const target =
  'scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }, minReplicas: 1, maxReplicas: 9'
const hpa2 = `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: web }
spec: { ${target}, metrics: [{ type: Resource, resource: { name: memory, target: { type: Utilization, averageUtilization: 70 } } }, { type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 80 } } }] }
`
const hpa1 = `apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: { name: web }
spec: { ${target}, targetCPUUtilizationPercentage: 80 }
`
const ingress = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web }
spec:
  ingressClassName: nginx
  tls: [{ hosts: [a.example, b.example], secretName: tls }]
  rules:
    - host: a.example
      http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } }] }
`
const policy = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: deny }
spec: { podSelector: {}, policyTypes: [Ingress], ingress: [{ from: [{ podSelector: { matchLabels: { app: web } } }], ports: [{ port: 80 }] }] }
`
const role = `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader }
rules: [{ apiGroups: [""], resources: [pods, services], verbs: [get, list] }]
`
const binding = `apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: reader }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }
subjects: [{ kind: ServiceAccount, name: default }, { kind: Group, name: devs }]
`
const webhooks = (kind: string, name = '$NS', more = '') => `apiVersion: admissionregistration.k8s.io/v1
kind: ${kind}WebhookConfiguration
metadata: { name: ${name}${more} }
webhooks:
  - name: a.example.org
    clientConfig: { service: { namespace: $NS, name: hook, path: /x } }
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Ignore
    rules: [{ apiGroups: [nobody.example], apiVersions: [v1], resources: [things], operations: [CREATE] }]
  - name: b.example.org
    clientConfig: { service: { namespace: $NS, name: hook } }
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Ignore
    rules: [{ apiGroups: [nobody.example], apiVersions: [v1], resources: [things], operations: [CREATE] }]
`
const bundle =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJmekNDQVNXZ0F3SUJBZ0lCQVRBS0JnZ3Foa2pPUFFRREFqQVNNUkF3RGdZRFZRUURFd2RyZFdKbGJHVjAKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo='
const aggregated = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: all-$NS }
aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part-of: $NS } }] }
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: part-$NS, labels: { part-of: $NS } }
rules: [{ apiGroups: [""], resources: [pods], verbs: [get] }]
`
const budget = `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: web }
spec: { minAvailable: 50%, selector: { matchLabels: { app: web } } }
`

/** The other APIs that the server has of its own. */
export const apiCases: readonly DriftCase[] = [
  { row: 2, name: 'accept an autoscaler', git: hpa2 },
  { row: 7, name: 'accept an autoscaler of an older version', git: hpa1 },
  {
    row: 7,
    name: 'accept an autoscaler of an older version by kubectl apply',
    git: hpa1,
    agent: 'client-side',
  },
  {
    row: 8,
    name: 'accept metrics in another order',
    git: hpa2,
    live: edit((o) => void (at(o, 'spec', 'metrics') as never[]).reverse()),
  },
  {
    row: 19,
    name: 'find another metric target',
    git: hpa2,
    live: json([{ op: 'replace', path: '/spec/metrics/1/resource/target/averageUtilization', value: 5 }]),
    drift: ['replace /spec/metrics/1/resource/target/averageUtilization'],
  },
  {
    row: 19,
    name: 'find a raised maximum, read at v1',
    git: hpa1,
    live: merge({ spec: { maxReplicas: 99 } }),
    drift: ['replace /spec/maxReplicas'],
  },
  {
    row: 20,
    name: 'find what v1 cannot show, a metric added at v2',
    git: hpa1,
    live: async ({ stage, namespace }) =>
      stage.must(
        'PATCH',
        `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers/web`,
        {
          spec: {
            metrics: [
              {
                type: 'Resource',
                resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
              },
              {
                type: 'Resource',
                resource: { name: 'memory', target: { type: 'Utilization', averageUtilization: 1 } },
              },
            ],
          },
        },
        'application/merge-patch+json',
      ),
    drift: ['add /metadata/annotations/autoscaling.alpha.kubernetes.io~1metrics'],
  },
  {
    row: 20,
    name: 'find what v1 cannot show, a behavior added at v2',
    git: hpa1,
    live: async ({ stage, namespace }) =>
      stage.must(
        'PATCH',
        `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers/web`,
        { spec: { behavior: { scaleDown: { stabilizationWindowSeconds: 0 } } } },
        'application/merge-patch+json',
      ),
    drift: ['add /metadata/annotations/autoscaling.alpha.kubernetes.io~1behavior'],
  },
  {
    row: 19,
    name: 'find an autoscaler that scales something else',
    git: hpa2,
    live: merge({ spec: { scaleTargetRef: { name: 'other' } } }),
    drift: ['replace /spec/scaleTargetRef/name'],
  },
  { row: 2, name: 'accept an Ingress', git: ingress },
  {
    row: 20,
    name: 'find an added host',
    git: ingress,
    live: json([{ op: 'add', path: '/spec/rules/-', value: { host: 'evil.example' } }]),
    drift: ['add /spec/rules/1'],
  },
  {
    row: 19,
    name: 'find a changed backend',
    git: ingress,
    live: json([{ op: 'replace', path: '/spec/rules/0/http/paths/0/backend/service/name', value: 'evil' }]),
    drift: ['replace /spec/rules/0/http/paths/0/backend/service/name'],
  },
  {
    row: 2,
    name: 'accept an IngressClass',
    git: 'apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: { name: class-$NS }\nspec: { controller: example.org/x, parameters: { kind: ConfigMap, name: x } }\n',
  },
  { row: 2, name: 'accept a NetworkPolicy', git: policy },
  {
    row: 19,
    name: 'find a NetworkPolicy that lets everybody in',
    git: policy,
    live: merge({ spec: { ingress: [{}] } }),
    drift: ['remove /spec/ingress/0/from', 'remove /spec/ingress/0/ports'],
  },
  {
    row: 20,
    name: 'find an egress rule that was added',
    git: policy,
    live: json([{ op: 'add', path: '/spec/egress', value: [{}] }]),
    drift: ['add /spec/egress'],
  },
  { row: 1, name: 'accept a PodDisruptionBudget', git: budget },
  {
    row: 19,
    name: 'find a PodDisruptionBudget that lets nothing go',
    git: budget,
    live: merge({ spec: { minAvailable: '100%' } }),
    drift: ['replace /spec/minAvailable'],
  },
  {
    row: 19,
    name: 'find a text that became a number',
    git: budget,
    live: merge({ spec: { minAvailable: 50 } }),
    drift: ['replace /spec/minAvailable'],
  },
  { row: 2, name: 'accept a Role', git: role },
  {
    row: 20,
    name: 'find an added rule',
    git: role,
    live: json([
      { op: 'add', path: '/rules/-', value: { apiGroups: ['*'], resources: ['*'], verbs: ['*'] } },
    ]),
    drift: ['add /rules/1'],
  },
  {
    row: 20,
    name: 'find an added verb',
    git: role,
    live: json([{ op: 'add', path: '/rules/0/verbs/-', value: 'delete' }]),
    drift: ['add /rules/0/verbs/2'],
  },
  {
    row: 19,
    name: 'find all rules removed',
    git: role,
    live: json([{ op: 'remove', path: '/rules' }]),
    drift: ['replace /rules'],
  },
  {
    row: 13,
    name: 'accept a binding whose account names no namespace',
    git: binding.replace('name: default }', 'name: default, namespace: $NS }'),
  },
  {
    row: 20,
    name: 'find an added subject',
    git: binding.replace('name: default }', 'name: default, namespace: $NS }'),
    live: json([
      {
        op: 'add',
        path: '/subjects/-',
        value: { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'eve' },
      },
    ]),
    drift: ['add /subjects/2'],
  },
  {
    row: 19,
    name: 'find a binding that was made anew for another role',
    git: binding.replace('name: default }', 'name: default, namespace: $NS }'),
    live: async (tools) => {
      await remove(tools)
      await tools.stage.must('POST', tools.stage.collection(tools.object), {
        ...tools.object,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      })
    },
    drift: ['replace /roleRef/kind', 'replace /roleRef/name'],
  },
  {
    row: 10,
    name: 'accept the rules of an aggregated ClusterRole',
    git: aggregated,
    live: async ({ stage, path }) => {
      for (let n = 0; n < 100; n++) {
        const live = await stage.must('GET', path)
        if ((live['rules'] as []).length > 0) return
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      throw new Error('not aggregated')
    },
  },
  {
    row: 19,
    name: 'find another selector of an aggregated ClusterRole',
    git: aggregated,
    live: json([
      { op: 'replace', path: '/aggregationRule/clusterRoleSelectors/0/matchLabels', value: { all: 'x' } },
    ]),
    drift: [
      'remove /aggregationRule/clusterRoleSelectors/0/matchLabels/part-of',
      'add /aggregationRule/clusterRoleSelectors/0/matchLabels/all',
    ],
  },
  {
    row: 20,
    name: 'find rules added to a ClusterRole that is not aggregated',
    git: 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: x-$NS }\nrules: []\n',
    live: merge({ rules: [{ nonResourceURLs: ['*'], verbs: ['get'] }] }),
    drift: ['replace /rules'],
  },
  {
    row: 2,
    name: 'accept a ClusterRoleBinding',
    git: 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: { name: b-$NS }\nroleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view }\nsubjects: [{ kind: User, name: a }]\n',
  },
  { row: 2, name: 'accept validating webhooks with their defaults', git: webhooks('Validating') },
  { row: 2, name: 'accept mutating webhooks with their defaults', git: webhooks('Mutating') },
  {
    row: 10,
    name: 'accept the CA that cainjector put in, where the annotation and allowance say so',
    git: webhooks('Validating', '$NS', ', annotations: { cert-manager.io/inject-ca-from: $NS/x }'),
    live: json(
      [0, 1].map((n) => ({ op: 'add', path: `/webhooks/${n}/clientConfig/caBundle`, value: bundle })),
    ),
  },
  {
    row: 23,
    name: 'find webhooks in another order where that counts',
    git: webhooks('Mutating'),
    live: edit((o) => void (o['webhooks'] as never[]).reverse()),
    drift: ['replace /webhooks'],
  },
  {
    row: 8,
    name: 'accept webhooks in another order where they only validate',
    git: webhooks('Validating'),
    live: edit((o) => void (o['webhooks'] as never[]).reverse()),
  },
  {
    row: 19,
    name: 'find a webhook that became lenient',
    git: webhooks('Validating'),
    live: json([{ op: 'replace', path: '/webhooks/0/timeoutSeconds', value: 1 }]),
    drift: ['replace /webhooks/0/timeoutSeconds'],
  },
  {
    row: 19,
    name: 'find a webhook led elsewhere',
    git: webhooks('Validating'),
    live: json([{ op: 'replace', path: '/webhooks/0/clientConfig/service/name', value: 'evil' }]),
    drift: ['replace /webhooks/0/clientConfig/service/name'],
  },
  {
    row: 2,
    name: 'accept a ValidatingAdmissionPolicy and its binding',
    git: 'apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: { name: p-$NS }\nspec: { matchConstraints: { resourceRules: [{ apiGroups: [nobody.example], apiVersions: [v1], resources: [x], operations: [CREATE] }] }, variables: [{ name: a, expression: "1" }, { name: b, expression: "variables.a + 1" }], validations: [{ expression: "variables.b == 2" }] }\n---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: { name: p-$NS }\nspec: { policyName: p-$NS, validationActions: [Deny] }\n',
  },
  {
    row: 19,
    name: 'find a policy that validates less',
    git: 'apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: { name: p-$NS }\nspec: { matchConstraints: { resourceRules: [{ apiGroups: [nobody.example], apiVersions: [v1], resources: [x], operations: [CREATE] }] }, validations: [{ expression: "false" }] }\n',
    live: merge({ spec: { validations: [{ expression: 'true' }] } }),
    drift: ['replace /spec/validations/0/expression'],
  },
  {
    row: 2,
    name: 'accept a StorageClass',
    git: 'apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: { name: class-$NS }\nprovisioner: x.example/y\nparameters: { a: "1" }\n',
  },
  {
    row: 21,
    name: 'find a StorageClass made the default',
    git: 'apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: { name: class-$NS, annotations: { storageclass.kubernetes.io/is-default-class: "false" } }\nprovisioner: x.example/y\n',
    live: merge({ metadata: { annotations: { 'example.org/x': 'true' } }, allowVolumeExpansion: true }),
    drift: ['add /metadata/annotations/example.org~1x', 'add /allowVolumeExpansion'],
  },
  {
    row: 2,
    name: 'accept a PriorityClass',
    git: 'apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: { name: class-$NS }\nvalue: 1000\n',
  },
  {
    row: 2,
    name: 'accept a RuntimeClass',
    git: 'apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: { name: class-$NS }\nhandler: runsc\noverhead: { podFixed: { cpu: 0.25, memory: 131072Ki } }\n',
  },
  {
    row: 2,
    name: 'accept a CSIDriver',
    git: 'apiVersion: storage.k8s.io/v1\nkind: CSIDriver\nmetadata: { name: driver.$NS.example }\nspec: { attachRequired: false }\n',
  },
  {
    row: 19,
    name: 'find a CSIDriver that asks for more',
    git: 'apiVersion: storage.k8s.io/v1\nkind: CSIDriver\nmetadata: { name: driver.$NS.example }\nspec: { attachRequired: false }\n',
    live: merge({ spec: { requiresRepublish: true } }),
    drift: ['replace /spec/requiresRepublish'],
  },
  {
    row: 2,
    name: 'accept a Lease',
    git: 'apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: { name: l }\nspec: { holderIdentity: me, leaseDurationSeconds: 15 }\n',
  },
  {
    row: 2,
    name: 'accept a flow schema and its level',
    git: 'apiVersion: flowcontrol.apiserver.k8s.io/v1\nkind: PriorityLevelConfiguration\nmetadata: { name: l-$NS }\nspec: { type: Limited, limited: { nominalConcurrencyShares: 1, limitResponse: { type: Reject } } }\n---\napiVersion: flowcontrol.apiserver.k8s.io/v1\nkind: FlowSchema\nmetadata: { name: f-$NS }\nspec: { priorityLevelConfiguration: { name: l-$NS }, matchingPrecedence: 9000, rules: [{ subjects: [{ kind: User, user: { name: nobody } }], nonResourceRules: [{ verbs: [get], nonResourceURLs: [/x] }] }] }\n',
  },
  {
    row: 2,
    name: 'accept an APIService that serves nothing',
    git: 'apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: { name: v1.$NS.aggregated.example }\nspec: { group: $NS.aggregated.example, version: v1, groupPriorityMinimum: 10, versionPriority: 10, service: { name: s, namespace: $NS } }\n',
  },
  {
    row: 19,
    name: 'find an APIService that skips verification',
    git: 'apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: { name: v1.$NS.aggregated.example }\nspec: { group: $NS.aggregated.example, version: v1, groupPriorityMinimum: 10, versionPriority: 10, service: { name: s, namespace: $NS } }\n',
    live: merge({ spec: { insecureSkipTLSVerify: true } }),
    drift: ['add /spec/insecureSkipTLSVerify'],
  },
  {
    row: 2,
    name: 'accept a Pod template',
    git: 'apiVersion: v1\nkind: PodTemplate\nmetadata: { name: t }\ntemplate: { spec: { containers: [{ name: c, image: x }] } }\n',
  },
  {
    row: 2,
    name: 'accept a ReplicationController',
    git: 'apiVersion: v1\nkind: ReplicationController\nmetadata: { name: r }\nspec: { replicas: 0, template: { metadata: { labels: { a: b } }, spec: { containers: [{ name: c, image: x }] } } }\n',
  },
  {
    row: 19,
    name: 'find a label by kubectl label',
    git: service,
    live: kubectl('label', 'service/web', 'x=y'),
    drift: ['add /metadata/labels/x'],
  },
  {
    row: 19,
    name: 'find a Service patched strategically',
    git: service,
    live: strategic({ spec: { ports: [{ port: 80, name: 'other' }] } }),
    drift: ['replace /spec/ports/0/name'],
  },
  {
    row: 19,
    name: 'find a member of a set that comes twice',
    git: 'apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: { name: s }\naddressType: IPv4\nports: [{ name: "", port: 80 }]\nendpoints: [{ addresses: ["10.9.9.9"] }]\n',
    live: json([{ op: 'add', path: '/endpoints/0/addresses/-', value: '10.9.9.9' }]),
    drift: ['add /endpoints/0/addresses/1'],
  },
]
