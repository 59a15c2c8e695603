import { json, merge, remove, all, create, until, at, type DriftCase } from '../drift-case.ts'
import { configMap, deployment } from './yaml.ts'

/** A mutating policy for objects of one resource in the case's namespace. */
const policy = (resource: string, group: string, expression: string, operations = '[CREATE, UPDATE]') =>
  `apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: { name: m-$NS }
spec:
  matchConstraints:
    namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: $NS } }
    resourceRules: [{ apiGroups: ["${group}"], apiVersions: ["*"], resources: [${resource}], operations: ${operations} }]
  failurePolicy: Fail
  reinvocationPolicy: IfNeeded
  mutations: [{ patchType: ApplyConfiguration, applyConfiguration: { expression: '${expression}' } }]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: { name: m-$NS }
spec: { policyName: m-$NS }
`
const label = 'Object{metadata: Object.metadata{labels: {"team": "a"}}}'
const sidecar =
  'Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: [Object.spec.template.spec.containers{name: "mesh", image: "mesh:1"}]}}}}'
const pod =
  'apiVersion: v1\nkind: Pod\nmetadata: { name: one }\nspec: { containers: [{ name: c, image: x }] }\n'
const claim =
  'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: data }\nspec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }\n'

/** A webhook of somebody's that is down, for ConfigMaps in the case's namespace. */
const down = (operations: string) => `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: down-$NS }
webhooks:
  - name: down.example.dev
    clientConfig: { url: "https://127.0.0.1:1/" }
    admissionReviewVersions: [v1]
    sideEffects: None
    namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: $NS } }
    rules: [{ apiGroups: [""], apiVersions: [v1], resources: [configmaps], operations: ${operations} }]
`

/** Waits until a policy that came later is in force. */
const inForce: (yaml: string) => DriftCase['live'] = (yaml) => async (tools) => {
  await create(yaml)(tools)
  const probe = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'probe', namespace: tools.namespace },
  }
  for (let attempt = 0; attempt < 100; attempt++) {
    const answer = await tools.stage.must('POST', `${tools.stage.collection(probe)}?dryRun=All`, probe)
    if (at(answer, 'metadata', 'labels', 'team') === 'a') return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the policy did not come into force')
}

/** What changes objects on their way into storage. */
export const admissionCases: readonly DriftCase[] = [
  {
    row: 19,
    name: 'tell an edit and an addition where a webhook that is asked of creations is down',
    git: configMap,
    live: all(create(down('[CREATE]')), merge({ data: { a: 'c', more: 'x' } })),
    drift: ['add /data/more', 'replace /data/a'],
  },
  {
    row: 19,
    name: 'tell an edit where a webhook without which nothing can be tried is down',
    git: configMap,
    live: all(merge({ data: { a: 'c' } }), create(down('[CREATE, UPDATE]'))),
    drift: ['replace /data/a'],
  },
  {
    row: 12,
    name: 'accept a label that admission gives every ConfigMap',
    setup: policy('configmaps', '', label),
    git: configMap,
  },
  {
    row: 20,
    name: 'find a change beside a label that admission gives',
    setup: policy('configmaps', '', label),
    git: configMap,
    live: merge({ data: { a: 'x' } }),
    drift: ['replace /data/a'],
  },
  {
    row: 12,
    name: 'accept a sidecar that admission puts in every Deployment',
    setup: policy('deployments', 'apps', sidecar),
    git: deployment,
  },
  {
    row: 20,
    name: 'find another container beside the sidecar of admission',
    setup: policy('deployments', 'apps', sidecar),
    git: deployment,
    live: json([
      { op: 'add', path: '/spec/template/spec/containers/0', value: { name: 'rogue', image: 'x' } },
    ]),
    drift: ['add /spec/template/spec/containers/0'],
  },
  {
    row: 19,
    name: 'find another image of the sidecar that admission puts in at creation',
    setup: policy('deployments', 'apps', sidecar, '[CREATE]'),
    git: deployment,
    live: async ({ stage, path }) => {
      const live = await stage.must('GET', path)
      const containers = at(live, 'spec', 'template', 'spec', 'containers') as { name: string }[]
      const index = containers.findIndex(({ name }) => name === 'mesh')
      await stage.must(
        'PATCH',
        path,
        [{ op: 'replace', path: `/spec/template/spec/containers/${index}/image`, value: 'evil' }],
        'application/json-patch+json',
      )
    },
    drift: ['replace /spec/template/spec/containers/1/image'],
  },
  {
    row: 12,
    name: 'accept an object that a later policy would label',
    git: configMap,
    live: inForce(policy('configmaps', '', label)) as never,
  },
  {
    row: 19,
    name: 'find a change in an object that a later policy would label',
    git: configMap,
    live: all(merge({ data: { c: '3' } }), inForce(policy('configmaps', '', label)) as never),
    drift: ['add /data/c'],
  },
  {
    row: 12,
    name: 'accept a claim that a later default class was given to',
    git: claim,
    live: all(
      create(
        'apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: { name: default-$NS, annotations: { storageclass.kubernetes.io/is-default-class: "true" } }\nprovisioner: x.example/y\n',
      ),
      until((o) => at(o, 'spec', 'storageClassName') !== undefined),
    ),
  },
  {
    row: 12,
    name: 'accept a Pod from before there was a default priority',
    git: pod,
    live: create(
      'apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: { name: default-$NS }\nvalue: 7\nglobalDefault: true\n',
    ),
  },
  {
    row: 19,
    name: 'find a deleted object of a kind that admission changes',
    setup: policy('configmaps', '', label),
    git: configMap,
    live: remove,
    status: 'missing',
  },
]
