import {
  all,
  at,
  create,
  edit,
  json,
  kubectl,
  merge,
  recreate,
  remove,
  strategic,
  until,
  type DriftCase,
} from '../drift-case.ts'
import { configMap, deployment, service } from './yaml.ts'

const pod =
  'apiVersion: v1\nkind: Pod\nmetadata: { name: one }\nspec: { containers: [{ name: c, image: x }] }\n'
const secret = 'apiVersion: v1\nkind: Secret\nmetadata: { name: keys }\n'
const claim =
  'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: data }\nspec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 3072Mi } } }\n'
const dns =
  'apiVersion: v1\nkind: Service\nmetadata: { name: dns }\nspec: { selector: { app: dns }, ports: [{ name: dns, port: 53, protocol: UDP }, { name: dns-tcp, port: 53, protocol: TCP }] }\n'

/** ConfigMaps, Secrets, Services, claims, Namespaces and what is true of all objects. */
export const coreCases: readonly DriftCase[] = [
  { row: 2, name: 'accept a ConfigMap', git: configMap },
  {
    row: 20,
    name: 'find a changed, an added and a removed key',
    git: configMap,
    live: merge({ data: { a: 'x', b: null, c: '3' } }),
    drift: ['replace /data/a', 'remove /data/b', 'add /data/c'],
  },
  {
    row: 20,
    name: 'find binary data added',
    git: configMap,
    live: merge({ binaryData: { bin: 'AAEC' } }),
    drift: ['add /binaryData/bin'],
  },
  {
    row: 19,
    name: 'find all data removed',
    git: configMap,
    live: merge({ data: null }),
    drift: ['remove /data/a', 'remove /data/b'],
  },
  {
    row: 19,
    name: 'find a ConfigMap made immutable',
    git: configMap,
    live: merge({ immutable: true }),
    drift: ['add /immutable'],
  },
  {
    row: 19,
    name: 'find a change in an immutable ConfigMap that was made anew',
    git: `${configMap}immutable: true\n`,
    live: all(remove, async ({ stage, object }) =>
      stage.must('POST', stage.collection(object), { ...object, data: { a: 'evil', b: '2' } }),
    ),
    drift: ['replace /data/a'],
  },
  {
    row: 20,
    name: 'find an added label and annotation',
    git: configMap,
    live: merge({ metadata: { labels: { x: 'y' }, annotations: { 'a.b/c': 'd' } } }),
    drift: ['add /metadata/labels/x', 'add /metadata/annotations/a.b~1c'],
  },
  {
    row: 20,
    name: 'find an added finalizer',
    git: configMap,
    live: merge({ metadata: { finalizers: ['evil.dev/stay'] } }),
    drift: ['add /metadata/finalizers/0'],
  },
  {
    row: 18,
    name: 'accept the finalizer and annotation that an allowance names',
    git: configMap,
    live: merge({ metadata: { finalizers: ['foo.dev/protect'], annotations: { 'foo.dev/note': 'x' } } }),
  },
  {
    row: 20,
    name: 'find another finalizer beside the allowed one',
    git: configMap,
    live: merge({ metadata: { finalizers: ['foo.dev/protect', 'foo.dev/other'] } }),
    drift: ['add /metadata/finalizers/1'],
  },
  {
    row: 20,
    name: 'find an ownerReference',
    git: configMap,
    live: async (tools) => {
      const namespace = await tools.stage.must(
        'GET',
        `/api/v1/namespaces/${tools.namespace}/serviceaccounts/default`,
      )
      await merge({
        metadata: {
          ownerReferences: [
            { apiVersion: 'v1', kind: 'ServiceAccount', name: 'default', uid: namespace.metadata['uid']! },
          ],
        },
      })(tools)
    },
    drift: ['add /metadata/ownerReferences/0'],
  },
  {
    row: 27,
    name: 'find the annotation that turns Flux off',
    git: configMap,
    live: kubectl('annotate', 'configmap/settings', 'kustomize.toolkit.fluxcd.io/reconcile=disabled'),
    drift: ['add /metadata/annotations/kustomize.toolkit.fluxcd.io~1reconcile'],
  },
  {
    row: 9,
    name: 'accept the labels of the agent in use',
    git: configMap,
    live: merge({
      metadata: {
        labels: {
          'kustomize.toolkit.fluxcd.io/name': 'shop',
          'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
        },
      },
    }),
  },
  {
    row: 20,
    name: 'find the tracking id of an agent that is not in use',
    git: configMap,
    live: merge({
      metadata: { annotations: { 'argocd.argoproj.io/tracking-id': 'shop:/ConfigMap:x/settings' } },
    }),
    drift: ['add /metadata/annotations/argocd.argoproj.io~1tracking-id'],
  },
  { row: 19, name: 'find a deleted ConfigMap', git: configMap, live: remove, status: 'missing' },
  { row: 19, name: 'find a ConfigMap that nobody applied', git: configMap, agent: 'none', first: 'missing' },
  {
    row: 19,
    name: 'find the change in one that is being deleted',
    git: configMap,
    live: all(merge({ metadata: { finalizers: ['foo.dev/protect'] } }), remove, merge({ data: { a: 'x' } })),
    drift: ['replace /data/a'],
  },
  {
    row: 4,
    name: 'accept keys that are names of JavaScript',
    git: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: odd, labels: { constructor: a, toString: b } }\ndata: { __proto__: "1", constructor: "2", hasOwnProperty: "3" }\n',
  },
  {
    row: 19,
    name: 'find __proto__ changed as any key',
    git: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: odd }\ndata: { __proto__: "1", constructor: "2" }\n',
    live: json([{ op: 'replace', path: '/data/__proto__', value: 'evil' }]),
    drift: ['replace /data/__proto__'],
  },
  {
    row: 20,
    name: 'find __proto__ added and constructor removed',
    git: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: odd }\ndata: { a: "1", constructor: "2" }\n',
    live: json([
      { op: 'add', path: '/data/__proto__', value: 'evil' },
      { op: 'remove', path: '/data/constructor' },
    ]),
    drift: ['add /data/__proto__', 'remove /data/constructor'],
  },
  {
    row: 4,
    name: 'accept anchors, merge keys and block texts',
    git: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: anchors, labels: &l { app: x } , annotations: { <<: *l, b: c } }\ndata:\n  text: |\n    one\n    two\n  folded: >-\n    a\n    b\n  keep: |+\n    x\n\n  crlf: "a\\r\\n"\n',
  },
  {
    row: 4,
    name: 'accept a text that looks like a number or a date',
    git: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: texts }\ndata: { date: "2024-01-01", oct: "0644", yes: "yes", e: "1e3", sexagesimal: "12:30:45", empty: "" }\n',
  },
  {
    row: 4,
    name: 'accept a text of a kilobyte and emoji',
    git: `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: texts }\ndata: { long: "${'x'.repeat(1000)}", smile: "😀 \\u00e9" }\n`,
  },
  {
    row: 6,
    name: 'accept stringData, over data',
    git: `${secret}stringData: { b: two, text: grün }\ndata: { a: MQ==, b: MQ== }\n`,
  },
  {
    row: 25,
    name: 'find a changed value of a Secret',
    git: `${secret}stringData: { password: first }\n`,
    live: merge({ stringData: { password: 'second' } }),
    drift: ['replace /data/password'],
  },
  {
    row: 25,
    name: 'find an added key of a Secret',
    git: `${secret}stringData: { password: first }\n`,
    live: merge({ data: { more: 'MQ==' } }),
    drift: ['add /data/more'],
  },
  {
    row: 25,
    name: 'find a Secret of another type made anew',
    git: `${secret}stringData: { password: first }\n`,
    live: all(remove, async ({ stage, object }) =>
      stage.must('POST', stage.collection(object), { ...object, type: 'custom' }),
    ),
    drift: ['replace /type'],
  },
  {
    row: 6,
    name: 'accept base64 that is wrapped or padded with newlines',
    git: `${secret}data:\n  a: |\n    MTIz\n    NDU2\n`,
  },
  {
    row: 5,
    name: 'accept the token that a controller puts in a Secret',
    git: 'apiVersion: v1\nkind: Secret\nmetadata: { name: token, annotations: { kubernetes.io/service-account.name: default } }\ntype: kubernetes.io/service-account-token\n',
    live: until((o) => at(o, 'data', 'token') !== undefined),
  },
  {
    row: 25,
    name: 'find an extra key in a token Secret',
    git: 'apiVersion: v1\nkind: Secret\nmetadata: { name: token, annotations: { kubernetes.io/service-account.name: default } }\ntype: kubernetes.io/service-account-token\n',
    live: all(
      until((o) => at(o, 'data', 'token') !== undefined),
      merge({ data: { extra: 'MQ==' } }),
    ),
    drift: ['add /data/extra'],
  },
  { row: 5, name: 'accept a Service with what is allocated', git: service },
  { row: 5, name: 'accept allocated node ports', git: service.replace('spec:', 'spec:\n  type: NodePort') },
  {
    row: 5,
    name: 'accept a load balancer, its node ports and its status',
    git: service.replace('spec:', 'spec:\n  type: LoadBalancer'),
    live: merge({ status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } } }, '/status'),
  },
  {
    row: 21,
    name: 'find a Service opened as NodePort',
    git: service,
    live: merge({ spec: { type: 'NodePort' } }),
    drift: ['replace /spec/type', 'add /spec/externalTrafficPolicy', 'add /spec/ports/0/nodePort'],
  },
  {
    row: 5,
    name: 'accept a fixed node port',
    git: service
      .replace('spec:', 'spec:\n  type: NodePort')
      .replace('targetPort: 8080', 'targetPort: 8080, nodePort: 30123'),
  },
  {
    row: 19,
    name: 'find a fixed node port that was changed',
    git: service
      .replace('spec:', 'spec:\n  type: NodePort')
      .replace('targetPort: 8080', 'targetPort: 8080, nodePort: 30124'),
    live: json([{ op: 'replace', path: '/spec/ports/0/nodePort', value: 30125 }]),
    drift: ['replace /spec/ports/0/nodePort'],
  },
  {
    row: 20,
    name: 'find an added port',
    git: service,
    live: strategic({ spec: { ports: [{ name: 'evil', port: 81 }] } }),
    drift: ['add /spec/ports/0'],
  },
  {
    row: 19,
    name: 'find a changed target port',
    git: service,
    live: json([{ op: 'replace', path: '/spec/ports/0/targetPort', value: 9999 }]),
    drift: ['replace /spec/ports/0/targetPort'],
  },
  { row: 2, name: 'accept 53/TCP and 53/UDP', git: dns },
  {
    row: 22,
    name: 'find 53/TCP lost',
    git: dns,
    live: json([{ op: 'remove', path: '/spec/ports/1' }]),
    drift: ['remove /spec/ports/1'],
  },
  {
    row: 22,
    name: 'find 53/UDP changed, as such',
    git: dns,
    live: json([{ op: 'replace', path: '/spec/ports/0/targetPort', value: 5353 }]),
    drift: ['replace /spec/ports/0/targetPort'],
  },
  {
    row: 8,
    name: 'accept 53/TCP and 53/UDP in another order',
    git: dns,
    live: edit((o) => void (at(o, 'spec', 'ports') as never[]).reverse()),
  },
  {
    row: 19,
    name: 'find another selector',
    git: service,
    live: merge({ spec: { selector: { app: 'evil' } } }),
    drift: ['replace /spec/selector/app'],
  },
  {
    row: 20,
    name: 'find external IPs and session affinity',
    git: service,
    live: merge({ spec: { externalIPs: ['1.2.3.4'], sessionAffinity: 'ClientIP' } }),
    drift: [
      'add /spec/externalIPs',
      'add /spec/externalTrafficPolicy',
      'replace /spec/sessionAffinity',
      'add /spec/sessionAffinityConfig/clientIP/timeoutSeconds',
    ],
  },
  { row: 5, name: 'accept a headless Service', git: service.replace('spec:', 'spec:\n  clusterIP: None') },
  {
    row: 15,
    name: 'accept a Service without selector and its EndpointSlice',
    git: 'apiVersion: v1\nkind: Service\nmetadata: { name: ext }\nspec: { ports: [{ port: 80 }] }\n---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: { name: ext-1, labels: { kubernetes.io/service-name: ext } }\naddressType: IPv4\nports: [{ name: "", port: 80 }]\nendpoints: [{ addresses: ["10.9.9.9"] }]\n',
  },
  {
    row: 2,
    name: 'accept an ExternalName',
    git: 'apiVersion: v1\nkind: Service\nmetadata: { name: ext }\nspec: { type: ExternalName, externalName: example.org }\n',
  },
  {
    row: 19,
    name: 'find an ExternalName that leads elsewhere',
    git: 'apiVersion: v1\nkind: Service\nmetadata: { name: ext }\nspec: { type: ExternalName, externalName: example.org }\n',
    live: merge({ spec: { externalName: 'evil.example' } }),
    drift: ['replace /spec/externalName'],
  },
  { row: 5, name: 'accept a claim', git: claim },
  {
    row: 5,
    name: 'accept a claim that is bound',
    git: claim,
    live: async ({ stage, namespace, path }) => {
      await create(
        `apiVersion: v1\nkind: PersistentVolume\nmetadata: { name: vol-${namespace} }\nspec: { capacity: { storage: 3Gi }, accessModes: [ReadWriteOnce], storageClassName: "", hostPath: { path: /x } }\n`,
      )({ stage, namespace, path, object: undefined as never })
      await stage.must(
        'PATCH',
        path,
        {
          metadata: {
            annotations: {
              'pv.kubernetes.io/bind-completed': 'yes',
              'pv.kubernetes.io/bound-by-controller': 'yes',
              'volume.kubernetes.io/storage-provisioner': 'x',
            },
          },
          spec: { volumeName: `vol-${namespace}` },
        },
        'application/merge-patch+json',
      )
    },
  },
  {
    row: 19,
    name: 'find a label on a claim',
    git: claim,
    live: merge({ metadata: { labels: { x: 'y' } } }),
    drift: ['add /metadata/labels/x'],
  },
  {
    row: 5,
    name: 'accept a volume',
    git: 'apiVersion: v1\nkind: PersistentVolume\nmetadata: { name: vol-of-$NS }\nspec: { capacity: { storage: 1024Mi }, accessModes: [ReadWriteOnce], storageClassName: manual, hostPath: { path: /x } }\n',
  },
  {
    row: 19,
    name: 'find another reclaim policy',
    git: 'apiVersion: v1\nkind: PersistentVolume\nmetadata: { name: vol-of-$NS }\nspec: { capacity: { storage: 1Gi }, accessModes: [ReadWriteOnce], storageClassName: manual, hostPath: { path: /x } }\n',
    live: merge({ spec: { persistentVolumeReclaimPolicy: 'Delete' } }),
    drift: ['replace /spec/persistentVolumeReclaimPolicy'],
  },
  {
    row: 5,
    name: 'accept a Namespace with what the server adds',
    git: 'apiVersion: v1\nkind: Namespace\nmetadata: { name: extra-$NS, labels: { team: a } }\n',
  },
  {
    row: 21,
    name: 'find Pod security labels that a person set',
    git: 'apiVersion: v1\nkind: Namespace\nmetadata: { name: extra-$NS }\n',
    live: merge({ metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } }),
    drift: ['add /metadata/labels/pod-security.kubernetes.io~1enforce'],
  },
  {
    row: 1,
    name: 'accept a quota in other words',
    git: 'apiVersion: v1\nkind: ResourceQuota\nmetadata: { name: q }\nspec: { hard: { requests.cpu: 0.5, requests.memory: 3072Mi, count/configmaps: 1e3, pods: "1k" } }\n',
  },
  {
    row: 19,
    name: 'find a raised quota',
    git: 'apiVersion: v1\nkind: ResourceQuota\nmetadata: { name: q }\nspec: { hard: { pods: "10" } }\n',
    live: merge({ spec: { hard: { pods: '11' } } }),
    drift: ['replace /spec/hard/pods'],
  },
  {
    row: 1,
    name: 'accept a LimitRange',
    git: 'apiVersion: v1\nkind: LimitRange\nmetadata: { name: l }\nspec: { limits: [{ type: Container, default: { cpu: 1000m }, defaultRequest: { memory: 0.5Gi } }] }\n',
  },
  {
    row: 12,
    name: 'accept a Pod to which a LimitRange gave limits',
    setup:
      'apiVersion: v1\nkind: LimitRange\nmetadata: { name: l }\nspec: { limits: [{ type: Container, default: { cpu: 100m, memory: 64Mi } }] }\n',
    git: 'apiVersion: v1\nkind: Pod\nmetadata: { name: one }\nspec: { containers: [{ name: c, image: x }] }\n',
  },
  {
    row: 12,
    name: 'accept a Pod that a later LimitRange would change',
    git: 'apiVersion: v1\nkind: Pod\nmetadata: { name: one }\nspec: { containers: [{ name: c, image: x }] }\n',
    live: create(
      'apiVersion: v1\nkind: LimitRange\nmetadata: { name: l }\nspec: { limits: [{ type: Container, default: { cpu: 100m, memory: 64Mi } }] }\n',
    ),
  },
  {
    row: 2,
    name: 'accept a service account',
    git: 'apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: robot }\nimagePullSecrets: [{ name: registry }]\n',
  },
  {
    row: 20,
    name: 'find a pull secret added to a service account',
    git: 'apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: robot }\nimagePullSecrets: [{ name: registry }]\n',
    live: strategic({ imagePullSecrets: [{ name: 'evil' }] }),
    drift: ['replace /imagePullSecrets/0/name'],
  },
  {
    row: 19,
    name: 'find an object that a quota leaves no room to try',
    setup:
      'apiVersion: v1\nkind: ResourceQuota\nmetadata: { name: q }\nspec: { hard: { count/configmaps: "2" } }\n',
    git: configMap,
    live: merge({ data: { rogue: 'x' } }),
    drift: ['add /data/rogue'],
  },
  { row: 13, name: 'accept a manifest that names no namespace', git: configMap },
  {
    row: 13,
    name: 'accept a cluster-scoped manifest that names a namespace',
    git: 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: role-$NS, namespace: $NS }\nrules: [{ apiGroups: [""], resources: [pods], verbs: [get] }]\n',
    agent: {
      text: 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: role-$NS }\nrules: [{ apiGroups: [""], resources: [pods], verbs: [get] }]\n',
    },
  },
  {
    row: 29,
    name: 'say that a manifest is invalid, and guard the one beside it',
    git: `${service.replace('port: 80', 'port: 800000')}---\n${configMap}`,
    first: 'invalid',
    live: async ({ stage, namespace }) =>
      stage.must(
        'PATCH',
        `/api/v1/namespaces/${namespace}/configmaps/settings`,
        { data: { a: 'x' } },
        'application/merge-patch+json',
      ),
    others: ['modified'],
  },
  {
    row: 30,
    name: 'say that a field is unattainable',
    git: deployment.replace('replicas: 2', 'replicas: 2\n  replica: 3'),
    agent: { text: deployment },
    first: 'unattainable',
  },
  {
    row: 30,
    name: 'find drift beside an unattainable field',
    git: deployment.replace('replicas: 2', 'replicas: 2\n  replica: 3'),
    agent: { text: deployment },
    first: 'unattainable',
    live: merge({ spec: { replicas: 4 } }),
    drift: ['replace /spec/replicas'],
  },
  {
    row: 28,
    name: 'say that a kind is not there yet',
    git: 'apiVersion: nowhere.example/v1\nkind: Thing\nmetadata: { name: a }\n',
    agent: 'none',
    first: 'pending',
  },
  {
    row: 28,
    name: 'say that a namespace is not there yet',
    git: configMap.replace('name: settings', 'name: settings\n  namespace: nowhere-$NS'),
    agent: 'none',
    first: 'pending',
  },
  {
    row: 19,
    name: 'say that what is in a declared namespace that is gone is missing',
    git: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: gone-$NS }\n---\napiVersion: v1\nkind: Namespace\nmetadata: { name: gone-$NS }\n',
    agent: 'none',
    first: 'missing',
    others: ['missing'],
  },
  {
    row: 17,
    name: 'accept a generateName beside others',
    git: `${configMap}---\napiVersion: batch/v1\nkind: Job\nmetadata: { generateName: x- }\nspec: { template: { spec: { restartPolicy: Never, containers: [{ name: c, image: x }] } } }\n`,
  },
  {
    row: 2,
    name: 'accept a List',
    git: 'apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: { name: one }\n    data: { a: "1" }\n',
    agent: { text: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: one }\ndata: { a: "1" }\n' },
  },
  {
    row: 26,
    name: 'find an unknown object where undeclared says so',
    git: configMap,
    undeclared: 'warn',
    live: create('apiVersion: v1\nkind: ConfigMap\nmetadata: { name: rogue }\ndata: { a: b }\n'),
    others: ['undeclared'],
  },
  {
    row: 15,
    name: 'accept the children of what is declared where undeclared says so',
    git: deployment,
    undeclared: 'deny',
    live: async ({ stage, namespace }) => {
      for (let n = 0; n < 100; n++) {
        const pods = await stage.must('GET', `/api/v1/namespaces/${namespace}/pods`)
        if ((pods['items'] as []).length > 0) return
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      throw new Error('no Pods')
    },
  },
  {
    row: 19,
    name: 'find limits of a Pod that was made anew with others, where a LimitRange came later',
    git: pod,
    live: all(
      create(
        'apiVersion: v1\nkind: LimitRange\nmetadata: { name: l }\nspec: { limits: [{ type: Container, default: { cpu: 100m, memory: 64Mi } }] }\n',
      ),
      recreate((object) => Object.assign(at(object, 'spec', 'containers', 0) as object, { tty: true })),
    ),
    drift: ['add /spec/containers/0/tty'],
  },
  {
    row: 19,
    name: 'find an image of a Pod changed, where a LimitRange came later',
    git: pod,
    live: all(
      create(
        'apiVersion: v1\nkind: LimitRange\nmetadata: { name: l }\nspec: { limits: [{ type: Container, default: { cpu: 100m, memory: 64Mi } }] }\n',
      ),
      strategic({ spec: { containers: [{ name: 'c', image: 'evil' }] } }),
    ),
    drift: ['replace /spec/containers/0/image'],
  },
  {
    row: 12,
    name: 'accept that the priority class of a Pod has another value now',
    setup: 'apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: { name: p-$NS }\nvalue: 7\n',
    git: pod.replace('{ containers', '{ priorityClassName: p-$NS, containers'),
    live: async ({ stage, namespace }) => {
      await stage.must('DELETE', `/apis/scheduling.k8s.io/v1/priorityclasses/p-${namespace}`)
      await create(
        'apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: { name: p-$NS }\nvalue: 8\n',
      )({ stage, namespace, object: undefined as never, path: '' })
    },
  },
]
