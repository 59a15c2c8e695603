import {
  all,
  at,
  create,
  edit,
  json,
  kubectl,
  merge,
  recreate,
  strategic,
  type DriftCase,
} from '../drift-case.ts'
import { configMap, deployment, service, workload } from './yaml.ts'

const pod = '/spec/template/spec'
const app = `${pod}/containers/0`
const inPod = (body: object) => strategic({ spec: { template: { spec: body as never } } })
const stateful = workload('StatefulSet', '').replace(
  'spec:\n  selector',
  'spec:\n  serviceName: db\n  selector',
)
const volume = (more = '') => `apiVersion: v1
kind: PersistentVolume
metadata: { name: vol-$NS }
spec: { capacity: { storage: 1Gi }, accessModes: [ReadWriteOnce], persistentVolumeReclaimPolicy: Retain, storageClassName: none-$NS, hostPath: { path: /tmp/x }${more} }
`
const claimed = (rest: object) => async (tools: Parameters<NonNullable<DriftCase['live']>>[0]) => {
  await merge({ spec: { claimRef: { namespace: tools.namespace, name: 'evil', ...rest } } })(tools)
}

/** Changes that people and their tools make, each to be found exactly. */
export const intruderCases: readonly DriftCase[] = [
  ...(
    [
      ['hostPID', { hostPID: true }],
      ['hostIPC', { hostIPC: true }],
      ['automountServiceAccountToken', { automountServiceAccountToken: true }],
      ['priorityClassName', { priorityClassName: 'system-node-critical' }],
      ['runtimeClassName', { runtimeClassName: 'evil' }],
      ['nodeName', { nodeName: 'mine' }],
      ['hostname', { hostname: 'x' }],
      ['shareProcessNamespace', { shareProcessNamespace: true }],
      ['activeDeadlineSeconds', { terminationGracePeriodSeconds: 1 }],
    ] as const
  ).map(([what, body]): DriftCase => {
    const field = Object.keys(body)[0]!
    const op = field === 'terminationGracePeriodSeconds' ? 'replace' : 'add'
    return {
      row: 20,
      name: `find ${what === 'activeDeadlineSeconds' ? 'another grace period' : `${what} set in a Pod template`}`,
      git: deployment,
      live: inPod(body),
      drift: [`${op} ${pod}/${field}`],
    }
  }),
  {
    row: 20,
    name: 'find a node selector, an affinity and a host alias',
    git: deployment,
    live: inPod({
      nodeSelector: { disk: 'ssd' },
      affinity: { podAntiAffinity: {} },
      hostAliases: [{ ip: '10.0.0.1', hostnames: ['db'] }],
    }),
    drift: [
      `add ${pod}/nodeSelector/disk`,
      `add ${pod}/affinity/podAntiAffinity`,
      `add ${pod}/hostAliases/0`,
    ],
  },
  {
    row: 20,
    name: 'find envFrom, a lifecycle hook and a device',
    git: deployment,
    live: json([
      { op: 'add', path: `${app}/envFrom`, value: [{ secretRef: { name: 'all' } }] },
      { op: 'add', path: `${app}/lifecycle`, value: { preStop: { sleep: { seconds: 5 } } } },
    ]),
    drift: [`add ${app}/envFrom`, `add ${app}/lifecycle/preStop/sleep/seconds`],
  },
  {
    row: 20,
    name: 'find a native sidecar among the init containers',
    git: deployment,
    live: json([
      {
        op: 'add',
        path: `${pod}/initContainers/-`,
        value: { name: 'rogue', image: 'evil', restartPolicy: 'Always' },
      },
    ]),
    drift: [`add ${pod}/initContainers/2`],
  },
  {
    row: 20,
    name: 'find what kubectl set env adds',
    git: deployment,
    live: kubectl('set', 'env', 'deployment/web', 'DEBUG=1', '-c', 'app'),
    drift: [`add ${app}/env/3`],
  },
  {
    row: 19,
    name: 'find what kubectl set image changes',
    git: deployment,
    live: kubectl('set', 'image', 'deployment/web', 'app=evil:9'),
    drift: [`replace ${app}/image`],
  },
  {
    row: 19,
    name: 'find what kubectl set resources changes',
    git: deployment,
    live: kubectl('set', 'resources', 'deployment/web', '-c', 'app', '--limits=cpu=4,memory=128Mi'),
    drift: [`replace ${app}/resources/limits/cpu`],
  },
  {
    row: 19,
    name: 'find what kubectl scale changes',
    git: deployment,
    live: kubectl('scale', 'deployment/web', '--replicas=5'),
    drift: ['replace /spec/replicas'],
  },
  {
    row: 20,
    name: 'find what kubectl annotate adds',
    git: deployment,
    live: kubectl('annotate', 'deployment/web', 'kubernetes.io/change-cause=me'),
    drift: ['add /metadata/annotations/kubernetes.io~1change-cause'],
  },
  {
    row: 21,
    name: 'find what kubectl rollout pause does',
    git: deployment,
    live: kubectl('rollout', 'pause', 'deployment/web'),
    drift: ['add /spec/paused'],
  },
  {
    row: 24,
    name: 'find what a person applies server-side by force as the agent',
    git: deployment,
    live: kubectl('label', 'deployment/web', 'team=evil', '--field-manager=kustomize-controller'),
    drift: ['add /metadata/labels/team'],
  },
  {
    row: 24,
    name: 'find a change hidden by the deployment controller’s name and annotation',
    git: deployment,
    live: edit((object) => {
      Object.assign(object.metadata['annotations'] as object, {
        'deployment.kubernetes.io/desired-replicas': '9',
      })
    }, '?fieldManager=kube-controller-manager'),
    drift: ['add /metadata/annotations/deployment.kubernetes.io~1desired-replicas'],
  },
  {
    row: 9,
    name: 'accept another number of the deployment revision',
    git: deployment,
    live: merge({ metadata: { annotations: { 'deployment.kubernetes.io/revision': '7' } } }),
  },
  {
    row: 21,
    name: 'find a rolling update held back by a partition',
    git: stateful,
    live: merge({ spec: { updateStrategy: { rollingUpdate: { partition: 3 } } } }),
    drift: ['replace /spec/updateStrategy/rollingUpdate/partition'],
  },
  {
    row: 21,
    name: 'find a StatefulSet that keeps less of its history',
    git: stateful,
    live: merge({ spec: { revisionHistoryLimit: 0, minReadySeconds: 5 } }),
    drift: ['replace /spec/revisionHistoryLimit', 'add /spec/minReadySeconds'],
  },
  {
    row: 19,
    name: 'find a Service whose affinity and traffic policy a person changed',
    git: service,
    live: merge({ spec: { sessionAffinity: 'ClientIP', internalTrafficPolicy: 'Local' } }),
    drift: [
      'replace /spec/sessionAffinity',
      'add /spec/sessionAffinityConfig/clientIP/timeoutSeconds',
      'replace /spec/internalTrafficPolicy',
    ],
  },
  {
    row: 20,
    name: 'find source ranges and a class of a load balancer',
    git: service.replace('spec:', 'spec:\n  type: LoadBalancer'),
    live: merge({ spec: { loadBalancerSourceRanges: ['0.0.0.0/0'] } }),
    drift: ['add /spec/loadBalancerSourceRanges'],
  },
  {
    row: 21,
    name: 'find that unready addresses are published',
    git: service,
    live: merge({ spec: { publishNotReadyAddresses: true } }),
    drift: ['add /spec/publishNotReadyAddresses'],
  },
  {
    row: 19,
    name: 'find a Service that was made headless by recreation',
    git: service,
    live: recreate((object) => Object.assign(object['spec'] as object, { clusterIP: 'None' })),
    drift: ['replace /spec/clusterIP', 'replace /spec/clusterIPs/0'],
  },
  {
    row: 19,
    name: 'find a protocol that became another',
    git: service,
    live: json([{ op: 'replace', path: '/spec/ports/0/protocol', value: 'UDP' }]),
    drift: ['add /spec/ports/0', 'remove /spec/ports/0'],
  },
  {
    row: 20,
    name: 'find a key whose name begins as another’s',
    git: configMap,
    live: merge({ data: { aa: '1' } }),
    drift: ['add /data/aa'],
  },
  {
    row: 20,
    name: 'find a label with an empty value',
    git: configMap,
    live: merge({ metadata: { labels: { empty: '' } } }),
    drift: ['add /metadata/labels/empty'],
  },
  {
    row: 20,
    name: 'find labels of another agent’s',
    git: configMap,
    live: merge({ metadata: { labels: { 'app.kubernetes.io/managed-by': 'Helm' } } }),
    drift: ['add /metadata/labels/app.kubernetes.io~1managed-by'],
  },
  {
    row: 20,
    name: 'find a ConfigMap with all its finalizers replaced',
    git: configMap.replace('  name: settings', '  name: settings\n  finalizers: [x.dev/a]'),
    live: merge({ metadata: { finalizers: ['x.dev/b', 'foregroundDeletion'] } }),
    drift: ['remove /metadata/finalizers/0', 'add /metadata/finalizers/0', 'add /metadata/finalizers/1'],
  },
  {
    row: 5,
    name: 'accept a volume whose claim the binder notes',
    git: volume(),
    live: claimed({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', uid: 'u', resourceVersion: '1' }),
  },
  {
    row: 20,
    name: 'find a volume that somebody reserved for a claim of theirs',
    git: volume(),
    live: claimed({}),
    drift: ['add /spec/claimRef/name', 'add /spec/claimRef/namespace'],
  },
  {
    row: 19,
    name: 'find a volume led to another claim than Git says',
    git: volume(', claimRef: { namespace: $NS, name: good }'),
    live: claimed({}),
    drift: ['replace /spec/claimRef/name'],
  },
  {
    row: 26,
    name: 'find unknown objects of several kinds, and none of the namespace’s own',
    git: configMap,
    undeclared: 'deny',
    live: all(
      create('apiVersion: v1\nkind: Secret\nmetadata: { name: rogue }\n'),
      create('apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: rogue }\n'),
      create(
        'apiVersion: batch/v1\nkind: CronJob\nmetadata: { name: rogue }\nspec: { schedule: "0 0 1 1 *", jobTemplate: { spec: { template: { spec: { restartPolicy: Never, containers: [{ name: c, image: x }] } } } } }\n',
      ),
      create('apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: { name: leader }\n'),
    ),
    others: ['undeclared', 'undeclared', 'undeclared'],
  },
  {
    row: 27,
    name: 'find what turns Flux off for an object, and what makes it ignore its drift',
    git: configMap,
    live: merge({
      metadata: {
        annotations: {
          'kustomize.toolkit.fluxcd.io/ssa': 'Ignore',
          'kustomize.toolkit.fluxcd.io/reconcile': 'disabled',
        },
      },
    }),
    drift: [
      'add /metadata/annotations/kustomize.toolkit.fluxcd.io~1ssa',
      'add /metadata/annotations/kustomize.toolkit.fluxcd.io~1reconcile',
    ],
  },
  {
    row: 18,
    name: 'find the allowed annotation’s neighbour, and not itself',
    git: configMap,
    live: merge({ metadata: { annotations: { 'foo.dev/note': 'x', 'foo.dev/notes': 'y' } } }),
    drift: ['add /metadata/annotations/foo.dev~1notes'],
  },
  {
    row: 14,
    name: 'accept a status and a generation of a Service that somebody wrote',
    git: service,
    live: merge(
      {
        status: {
          conditions: [
            {
              type: 'X',
              status: 'True',
              reason: 'x',
              message: '',
              lastTransitionTime: '2026-01-01T00:00:00Z',
            },
          ],
        },
      },
      '/status',
    ),
  },
  {
    row: 19,
    name: 'find an image changed by one letter’s case, and its tag by a digest',
    git: deployment,
    live: edit((object) => {
      Object.assign(at(object, 'spec', 'template', 'spec', 'initContainers', 0) as object, {
        image: 'shop/Migrate:1',
      })
      Object.assign(at(object, 'spec', 'template', 'spec', 'containers', 0) as object, {
        image: `shop/web@sha256:${'a'.repeat(64)}`,
      })
    }),
    drift: [`replace ${pod}/initContainers/0/image`, `replace ${app}/image`],
  },
]
