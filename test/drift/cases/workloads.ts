import {
  edit,
  json,
  kubectl,
  merge,
  remove,
  strategic,
  until,
  at,
  all,
  type DriftCase,
} from '../drift-case.ts'
import { deployment, workload } from './yaml.ts'

const pod = '/spec/template/spec'
const app = `${pod}/containers/0`
const inPod = (spec: { [key: string]: never } | object) =>
  strategic({ spec: { template: { spec } } } as never)
const inApp = (container: object) => inPod({ containers: [{ name: 'app', ...container }] })

/** Deployments and their like: what people change in Pods, and what the cluster does. */
export const workloadCases: readonly DriftCase[] = [
  { row: 2, name: 'accept a Deployment whose defaults the server filled in', git: deployment },
  { row: 2, name: 'accept a Deployment brought in by kubectl apply', git: deployment, agent: 'client-side' },
  { row: 2, name: 'accept a Deployment brought in by kubectl create', git: deployment, agent: 'create' },
  {
    row: 19,
    name: 'find a changed image',
    git: deployment,
    live: inApp({ image: 'evil:1' }),
    drift: [`replace ${app}/image`],
  },
  {
    row: 19,
    name: 'find another number of replicas',
    git: deployment,
    live: kubectl('scale', 'deployment/web', '--replicas=5'),
    drift: ['replace /spec/replicas'],
  },
  {
    row: 21,
    name: 'find replicas 0 where an autoscaler is nowhere',
    git: deployment,
    live: merge({ spec: { replicas: 0 } }),
    drift: ['replace /spec/replicas'],
  },
  {
    row: 21,
    name: 'find a paused Deployment',
    git: deployment,
    live: kubectl('rollout', 'pause', 'deployment/web'),
    drift: ['add /spec/paused'],
  },
  {
    row: 19,
    name: 'find what kubectl rollout restart leaves',
    git: deployment,
    live: json([
      {
        op: 'add',
        path: '/spec/template/metadata/annotations',
        value: { 'kubectl.kubernetes.io/restartedAt': 'now' },
      },
    ]),
    drift: ['add /spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt'],
  },
  {
    row: 20,
    name: 'find an added container',
    git: deployment,
    live: inPod({ containers: [{ name: 'rogue', image: 'evil:1' }] }),
    drift: [`add ${pod}/containers/0`],
  },
  {
    row: 20,
    name: 'find an added container by its place at the end',
    git: deployment,
    live: json([{ op: 'add', path: `${pod}/containers/-`, value: { name: 'rogue', image: 'evil:1' } }]),
    drift: [`add ${pod}/containers/1`],
  },
  {
    row: 19,
    name: 'find a removed init container',
    git: deployment,
    live: json([{ op: 'remove', path: `${pod}/initContainers/0` }]),
    drift: [`remove ${pod}/initContainers/0`],
  },
  {
    row: 23,
    name: 'find init containers in another order',
    git: deployment,
    live: edit((o) => void (at(o, 'spec', 'template', 'spec', 'initContainers') as never[]).reverse()),
    drift: [`replace ${pod}/initContainers`],
  },
  {
    row: 20,
    name: 'find an added env entry',
    git: deployment,
    live: inApp({ env: [{ name: 'ROGUE', value: 'x' }] }),
    drift: [`add ${app}/env/0`],
  },
  {
    row: 19,
    name: 'find a removed env entry',
    git: deployment,
    live: json([{ op: 'remove', path: `${app}/env/2` }]),
    drift: [`remove ${app}/env/2`],
  },
  {
    row: 19,
    name: 'find a changed env entry',
    git: deployment,
    live: inApp({ env: [{ name: 'LOG', value: 'debug' }] }),
    drift: [`replace ${app}/env/2/value`],
  },
  {
    row: 19,
    name: 'find an env entry that reads a Secret now',
    git: deployment,
    live: json([
      {
        op: 'replace',
        path: `${app}/env/2`,
        value: { name: 'LOG', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
      },
    ]),
    drift: [
      `remove ${app}/env/2/value`,
      `add ${app}/env/2/valueFrom/secretKeyRef/key`,
      `add ${app}/env/2/valueFrom/secretKeyRef/name`,
    ],
  },
  {
    row: 23,
    name: 'find env in another order where $(BASE) refers to an earlier one',
    git: deployment,
    live: edit((o) => {
      const env = at(o, 'spec', 'template', 'spec', 'containers', 0, 'env') as never[]
      env.push(env.shift()!)
    }),
    drift: [`replace ${app}/env`],
  },
  {
    row: 8,
    name: 'accept env in another order where nothing refers to it',
    git: deployment.replace('"$(BASE)/data"', '/data'),
    live: edit((o) => void (at(o, 'spec', 'template', 'spec', 'containers', 0, 'env') as never[]).reverse()),
  },
  {
    row: 23,
    name: 'find args in another order',
    git: deployment,
    live: json([{ op: 'replace', path: `${app}/args`, value: ['--b', '--a'] }]),
    drift: [`replace ${app}/args/0`, `replace ${app}/args/1`],
  },
  {
    row: 20,
    name: 'find an added argument',
    git: deployment,
    live: json([{ op: 'add', path: `${app}/args/-`, value: '--evil' }]),
    drift: [`add ${app}/args/2`],
  },
  {
    row: 20,
    name: 'find an added command',
    git: deployment,
    live: inApp({ command: ['sh'] }),
    drift: [`add ${app}/command`],
  },
  {
    row: 19,
    name: 'find one of two ports with the same number removed',
    git: deployment,
    live: json([{ op: 'remove', path: `${app}/ports/2` }]),
    drift: [`remove ${app}/ports/2`],
  },
  {
    row: 20,
    name: 'find an added container port',
    git: deployment,
    live: json([{ op: 'add', path: `${app}/ports/-`, value: { containerPort: 53, protocol: 'SCTP' } }]),
    drift: [`add ${app}/ports/3`],
  },
  {
    row: 8,
    name: 'accept container ports in another order',
    git: deployment,
    live: edit(
      (o) => void (at(o, 'spec', 'template', 'spec', 'containers', 0, 'ports') as never[]).reverse(),
    ),
  },
  {
    row: 20,
    name: 'find a hostPort',
    git: deployment,
    live: json([{ op: 'add', path: `${app}/ports/0/hostPort`, value: 8080 }]),
    drift: [`add ${app}/ports/0/hostPort`],
  },
  {
    row: 20,
    name: 'find an added volume and its mount',
    git: deployment,
    live: inPod({
      volumes: [{ name: 'host', hostPath: { path: '/' } }],
      containers: [{ name: 'app', volumeMounts: [{ name: 'host', mountPath: '/host' }] }],
    }),
    drift: [`add ${app}/volumeMounts/0`, `add ${pod}/volumes/0`],
  },
  {
    row: 19,
    name: 'find a volume that changed its kind',
    git: deployment,
    live: json([{ op: 'replace', path: `${pod}/volumes/0`, value: { name: 'config', emptyDir: {} } }]),
    drift: [
      `remove ${pod}/volumes/0/configMap/defaultMode`,
      `remove ${pod}/volumes/0/configMap/name`,
      `add ${pod}/volumes/0/emptyDir`,
    ],
  },
  {
    row: 19,
    name: 'find a changed mode of a volume',
    git: deployment,
    live: json([{ op: 'replace', path: `${pod}/volumes/0/configMap/defaultMode`, value: 511 }]),
    drift: [`replace ${pod}/volumes/0/configMap/defaultMode`],
  },
  {
    row: 20,
    name: 'find an added toleration',
    git: deployment,
    live: json([{ op: 'add', path: `${pod}/tolerations/-`, value: { operator: 'Exists' } }]),
    drift: [`add ${pod}/tolerations/1`],
  },
  {
    row: 19,
    name: 'find a removed toleration',
    git: deployment,
    live: json([{ op: 'remove', path: `${pod}/tolerations` }]),
    drift: [`remove ${pod}/tolerations`],
  },
  {
    row: 19,
    name: 'find a changed spread',
    git: deployment,
    live: json([{ op: 'replace', path: `${pod}/topologySpreadConstraints/0/maxSkew`, value: 3 }]),
    drift: [`replace ${pod}/topologySpreadConstraints/0/maxSkew`],
  },
  {
    row: 19,
    name: 'find a raised limit',
    git: deployment,
    live: inApp({ resources: { limits: { memory: '1Gi' } } }),
    drift: [`replace ${app}/resources/limits/memory`],
  },
  {
    row: 1,
    name: 'accept the same limit written otherwise',
    git: deployment,
    live: inApp({ resources: { limits: { memory: '131072Ki', cpu: '1000m' } } }),
  },
  {
    row: 20,
    name: 'find an added limit',
    git: deployment,
    live: inApp({ resources: { limits: { 'ephemeral-storage': '1Gi' } } }),
    drift: [`add ${app}/resources/limits/ephemeral-storage`],
  },
  {
    row: 20,
    name: 'find a privileged container',
    git: deployment,
    live: inApp({ securityContext: { privileged: true } }),
    drift: [`add ${app}/securityContext/privileged`],
  },
  {
    row: 20,
    name: 'find a service account given to a Pod',
    git: deployment,
    live: inPod({ serviceAccountName: 'admin' }),
    drift: [`add ${pod}/serviceAccount`, `add ${pod}/serviceAccountName`],
  },
  {
    row: 20,
    name: 'find hostNetwork',
    git: deployment,
    live: merge({ spec: { template: { spec: { hostNetwork: true } } } }),
    drift: [`add ${pod}/hostNetwork`],
  },
  {
    row: 21,
    name: 'find a default of a probe that a person changed',
    git: deployment,
    live: inApp({ readinessProbe: { periodSeconds: 60 } }),
    drift: [`replace ${app}/readinessProbe/periodSeconds`],
  },
  {
    row: 19,
    name: 'find a removed probe',
    git: deployment,
    live: json([{ op: 'remove', path: `${app}/readinessProbe` }]),
    drift: [
      'failureThreshold',
      'httpGet/path',
      'httpGet/port',
      'httpGet/scheme',
      'periodSeconds',
      'successThreshold',
      'timeoutSeconds',
    ].map((field) => `remove ${app}/readinessProbe/${field}`),
  },
  {
    row: 19,
    name: 'find another strategy',
    git: deployment,
    live: merge({ spec: { strategy: { type: 'Recreate', rollingUpdate: null } } }),
    drift: [
      'replace /spec/strategy/type',
      'remove /spec/strategy/rollingUpdate/maxSurge',
      'remove /spec/strategy/rollingUpdate/maxUnavailable',
    ],
  },
  {
    row: 19,
    name: 'find a changed label of the object',
    git: deployment,
    live: kubectl('label', 'deployment/web', 'app=other', '--overwrite'),
    drift: ['replace /metadata/labels/app'],
  },
  {
    row: 20,
    name: 'find an added label of the template',
    git: deployment,
    live: merge({ spec: { template: { metadata: { labels: { extra: 'x' } } } } }),
    drift: ['add /spec/template/metadata/labels/extra'],
  },
  { row: 19, name: 'find a deleted Deployment', git: deployment, live: remove, status: 'missing' },
  {
    row: 11,
    name: 'accept replicas that Git leaves out, scaled by an autoscaler',
    git: deployment.replace('  replicas: 2\n', ''),
    live: merge({ spec: { replicas: 7 } }),
  },
  {
    row: 11,
    name: 'accept replicas that Git declares beside an autoscaler',
    git: `${deployment}---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: web }
spec: { scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }, minReplicas: 2, maxReplicas: 9 }
`,
    live: merge({ spec: { replicas: 5 } }),
  },
  {
    row: 9,
    name: 'accept the revision that the deployment controller writes',
    git: deployment,
    live: until((o) => at(o, 'metadata', 'annotations', 'deployment.kubernetes.io/revision') === '1'),
  },
  {
    row: 14,
    name: 'accept a status that somebody wrote',
    git: deployment,
    live: merge({ status: { conditions: [{ type: 'Available', status: 'False' }] } }, '/status'),
  },
  {
    row: 24,
    name: 'find an image changed through managedFields of the agent',
    git: deployment,
    live: edit(
      (o) => Object.assign(at(o, 'spec', 'template', 'spec', 'containers', 0) as object, { image: 'evil:2' }),
      '?fieldManager=kustomize-controller',
    ),
    drift: [`replace ${app}/image`],
  },
  {
    row: 24,
    name: 'find a label added by one who calls itself kube-controller-manager',
    git: deployment,
    live: edit(
      (o) => Object.assign(o.metadata['labels'] as object, { rogue: 'x' }),
      '?fieldManager=kube-controller-manager',
    ),
    drift: ['add /metadata/labels/rogue'],
  },
  {
    row: 24,
    name: 'find a change whose managedFields were cleared',
    git: deployment,
    live: all(inApp({ image: 'evil:3' }), merge({ metadata: { managedFields: [{}] } })),
    drift: [`replace ${app}/image`],
  },
  {
    row: 24,
    name: 'accept that managedFields were cleared',
    git: deployment,
    live: merge({ metadata: { managedFields: [{}] } }),
  },
  {
    row: 24,
    name: 'find a change with last-applied rewritten to match',
    agent: 'client-side',
    git: deployment,
    live: edit((o) => {
      const text = String(
        at(o, 'metadata', 'annotations', 'kubectl.kubernetes.io/last-applied-configuration'),
      )
      Object.assign(o.metadata['annotations'] as object, {
        'kubectl.kubernetes.io/last-applied-configuration': text.replace('shop/web:1.0', 'evil:4'),
      })
      Object.assign(at(o, 'spec', 'template', 'spec', 'containers', 0) as object, { image: 'evil:4' })
    }),
    drift: [`replace ${app}/image`],
  },
  {
    row: 9,
    name: 'accept a last-applied that was removed',
    agent: 'client-side',
    git: deployment,
    live: kubectl('annotate', 'deployment/web', 'kubectl.kubernetes.io/last-applied-configuration-'),
  },
  {
    row: 2,
    name: 'accept defaults written out in Git',
    git: deployment
      .replace(
        'spec:\n  replicas',
        'spec:\n  revisionHistoryLimit: 10\n  progressDeadlineSeconds: 600\n  replicas',
      )
      .replace(
        '      initContainers',
        '      dnsPolicy: ClusterFirst\n      restartPolicy: Always\n      initContainers',
      ),
  },
  {
    row: 3,
    name: 'accept what Git writes as null or empty',
    git: deployment
      .replace(
        'labels: { app: web }\nspec',
        'labels: { app: web }\n  annotations: {}\n  creationTimestamp: null\nspec',
      )
      .replace(
        'metadata: { labels: { app: web } }',
        'metadata: { labels: { app: web }, creationTimestamp: null, annotations: null }',
      )
      .replace('      tolerations', '      securityContext: {}\n      nodeSelector: null\n      tolerations'),
  },
  {
    row: 14,
    name: 'accept a stale status, uid and resourceVersion in Git',
    git: `${deployment.replace('labels: { app: web }\nspec', 'labels: { app: web }\n  resourceVersion: "1"\n  uid: 6b0b5e2e-0000-0000-0000-000000000000\n  generation: 7\n  selfLink: /x\nspec')}status: { replicas: 9 }\n`,
    agent: { text: deployment },
  },
  {
    row: 5,
    name: 'accept what the server generates in a Job',
    git: 'apiVersion: batch/v1\nkind: Job\nmetadata: { name: once }\nspec: { template: { spec: { restartPolicy: Never, containers: [{ name: c, image: x }] } } }\n',
  },
  {
    row: 21,
    name: 'find a suspended Job',
    git: 'apiVersion: batch/v1\nkind: Job\nmetadata: { name: once }\nspec: { template: { spec: { restartPolicy: Never, containers: [{ name: c, image: x }] } } }\n',
    live: merge({ spec: { suspend: true } }),
    drift: ['replace /spec/suspend'],
  },
  {
    row: 20,
    name: 'find a time to live added to a Job',
    git: 'apiVersion: batch/v1\nkind: Job\nmetadata: { name: once }\nspec: { template: { spec: { restartPolicy: Never, containers: [{ name: c, image: x }] } } }\n',
    live: merge({ spec: { ttlSecondsAfterFinished: 9 } }),
    drift: ['add /spec/ttlSecondsAfterFinished'],
  },
  {
    row: 21,
    name: 'find a CronJob that a person suspended',
    git: 'apiVersion: batch/v1\nkind: CronJob\nmetadata: { name: nightly }\nspec: { schedule: "0 3 * * *", jobTemplate: { spec: { template: { spec: { restartPolicy: Never, containers: [{ name: c, image: x }] } } } } }\n',
    live: merge({ spec: { suspend: true } }),
    drift: ['replace /spec/suspend'],
  },
  {
    row: 4,
    name: 'accept suspend: on as YAML 1.1 reads it',
    git: 'apiVersion: batch/v1\nkind: CronJob\nmetadata: { name: nightly }\nspec: { suspend: on, schedule: "0 3 * * *", jobTemplate: { spec: { template: { spec: { restartPolicy: Never, containers: [{ name: c, image: x }] } } } } }\n',
  },
  {
    row: 19,
    name: 'find a changed schedule',
    git: 'apiVersion: batch/v1\nkind: CronJob\nmetadata: { name: nightly }\nspec: { schedule: "0 3 * * *", jobTemplate: { spec: { template: { spec: { restartPolicy: Never, containers: [{ name: c, image: x }] } } } } }\n',
    live: merge({ spec: { schedule: '* * * * *' } }),
    drift: ['replace /spec/schedule'],
  },
  {
    row: 5,
    name: 'accept what the server adds in volumeClaimTemplates',
    git: workload(
      'StatefulSet',
      '  serviceName: db\n  volumeClaimTemplates: [{ metadata: { name: data }, spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 3072Mi } } } }]',
    ),
  },
  {
    row: 19,
    name: 'find another update strategy of a StatefulSet',
    git: workload('StatefulSet', '  serviceName: db'),
    live: merge({ spec: { updateStrategy: { type: 'OnDelete', rollingUpdate: null } } }),
    drift: ['replace /spec/updateStrategy/type', 'remove /spec/updateStrategy/rollingUpdate/partition'],
  },
  {
    row: 11,
    name: 'find a StatefulSet that is scaled by hand',
    git: workload('StatefulSet', '  replicas: 1\n  serviceName: db'),
    live: kubectl('scale', 'statefulset/db', '--replicas=3'),
    drift: ['replace /spec/replicas'],
  },
  {
    row: 9,
    name: 'accept the generation that a DaemonSet counts',
    git: workload('DaemonSet', ''),
    live: all(
      strategic({ spec: { template: { spec: { containers: [{ name: 'db', image: 'x' }] } } } }),
      strategic({ spec: { template: { spec: { containers: [{ name: 'db', image: 'db:1' }] } } } }),
    ),
  },
  {
    row: 19,
    name: 'find a node selector that parks a DaemonSet',
    git: workload('DaemonSet', ''),
    live: merge({ spec: { template: { spec: { nodeSelector: { nowhere: 'true' } } } } }),
    drift: [`add ${pod}/nodeSelector/nowhere`],
  },
  {
    row: 5,
    name: 'accept a bare Pod with its token volume',
    git: 'apiVersion: v1\nkind: Pod\nmetadata: { name: one }\nspec: { containers: [{ name: c, image: x }] }\n',
  },
  {
    row: 19,
    name: 'find the image of a bare Pod changed',
    git: 'apiVersion: v1\nkind: Pod\nmetadata: { name: one }\nspec: { containers: [{ name: c, image: x }] }\n',
    live: strategic({ spec: { containers: [{ name: 'c', image: 'y' }] } }),
    drift: ['replace /spec/containers/0/image'],
  },
  {
    row: 20,
    name: 'find a debug container in a Pod that Git declares',
    git: 'apiVersion: v1\nkind: Pod\nmetadata: { name: one }\nspec: { containers: [{ name: c, image: x }] }\n',
    live: strategic(
      { spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox' }] } },
      '/ephemeralcontainers',
    ),
    drift: ['add /spec/ephemeralContainers/0'],
  },
  {
    row: 19,
    name: 'find a change of an immutable field made by recreation',
    git: 'apiVersion: batch/v1\nkind: Job\nmetadata: { name: once }\nspec: { template: { spec: { restartPolicy: Never, containers: [{ name: c, image: x }] } } }\n',
    live: async (tools) => {
      await remove(tools)
      await until(() => true)(tools).catch(() => undefined)
      const spec = {
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'evil' }] } },
      }
      for (let n = 0; n < 50; n++) {
        const answer = await tools.stage.send('POST', tools.stage.collection(tools.object), {
          ...tools.object,
          spec,
        })
        if (answer.status < 300) return
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      throw new Error('the Job did not go')
    },
    drift: [`replace ${app}/image`],
  },
]
