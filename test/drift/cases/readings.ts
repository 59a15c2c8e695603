import { at, edit, json, merge, type DriftCase } from '../drift-case.ts'
import { configMap, deployment, service, workload } from './yaml.ts'

const cron = (spec: string) => `apiVersion: batch/v1
kind: CronJob
metadata: { name: tick }
spec: { schedule: "*/5 * * * *", ${spec}jobTemplate: { spec: { template: { spec: { restartPolicy: Never, containers: [{ name: c, image: x }] } } } } }
`
const limits = (text: string) =>
  deployment.replace('limits: { cpu: "1", memory: 128Mi }', `limits: { ${text} }`)
const claim = (storage: string) =>
  `apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: data }\nspec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: ${storage} } } }\n`
const secret = (rest: string) =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: keys }\ntype: Opaque\n${rest}\n`
const app = '/spec/template/spec/containers/0'

/** How manifests are written, and how the API server reads them. */
export const readingCases: readonly DriftCase[] = [
  ...['1e0', '1.0', '"1000m"', '1', '"1"'].map((cpu): DriftCase => ({
    row: 1,
    name: `accept cpu written as ${cpu}`,
    git: limits(`cpu: ${cpu}, memory: 128Mi`),
  })),
  ...['134217728', '131072Ki', '0.125Gi', '"134217728"', '134217728000m'].map((memory): DriftCase => ({
    row: 1,
    name: `accept memory written as ${memory}`,
    git: limits(`cpu: 1, memory: ${memory}`),
  })),
  ...['3072Mi', '3221225472', '3.0Gi', '3145728Ki'].map((storage): DriftCase => ({
    row: 1,
    name: `accept storage written as ${storage}`,
    git: claim(storage),
  })),
  {
    row: 1,
    name: 'accept the sizes of an emptyDir and of a resource field in other words',
    git: workload(
      'StatefulSet',
      '',
      '      volumes: [{ name: v, emptyDir: { sizeLimit: 0.5Gi } }, { name: d, downwardAPI: { items: [{ path: x, resourceFieldRef: { containerName: db, resource: limits.cpu, divisor: 1000m } }] } }]',
    ).replace('spec:\n  selector', 'spec:\n  serviceName: db\n  selector'),
  },
  {
    row: 19,
    name: 'find a limit that differs by one byte',
    git: limits('cpu: 1, memory: 134217728'),
    live: json([{ op: 'replace', path: `${app}/resources/limits/memory`, value: '134217729' }]),
    drift: [`replace ${app}/resources/limits/memory`],
  },
  { row: 2, name: 'accept a CronJob with its defaults', git: cron('') },
  {
    row: 2,
    name: 'accept that a person wrote a default out',
    git: cron(''),
    live: merge({ spec: { suspend: false, concurrencyPolicy: 'Allow', failedJobsHistoryLimit: 1 } }),
  },
  {
    row: 2,
    name: 'accept a default that was removed and came back',
    git: deployment,
    live: merge({ spec: { revisionHistoryLimit: null, progressDeadlineSeconds: null } }),
  },
  ...['yes', 'Yes', 'on', 'ON', 'true', 'True', 'TRUE'].map((word): DriftCase => ({
    row: 4,
    name: `accept suspend: ${word}`,
    git: cron(`suspend: ${word}, `),
  })),
  ...['0644', '420', '0o644', '0x1A4'].map((mode): DriftCase => ({
    row: 4,
    name: `accept a mode written as ${mode}`,
    git: deployment.replace('configMap: { name: web }', `configMap: { name: web, defaultMode: ${mode} }`),
  })),
  {
    row: 4,
    name: 'accept folded and literal texts, with and without a line end',
    git: "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: texts }\ndata:\n  a: |\n    one\n    two\n  b: |-\n    one\n  c: |+\n    one\n\n  d: >\n    one\n    two\n  e: \"tab\\there \\u00e9\"\n  f: 'it''s'\n",
  },
  {
    row: 19,
    name: 'find a line end that is gone',
    git: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: texts }\ndata:\n  a: |\n    one\n',
    live: merge({ data: { a: 'one' } }),
    drift: ['replace /data/a'],
  },
  {
    row: 19,
    name: 'find spaces at the end of a text',
    git: configMap,
    live: merge({ data: { a: '1 ' } }),
    drift: ['replace /data/a'],
  },
  {
    row: 19,
    name: 'find a text that looks the same, composed otherwise',
    git: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: texts }\ndata: { a: "\\u00e9" }\n',
    live: merge({ data: { a: 'e\u0301' } }),
    drift: ['replace /data/a'],
  },
  {
    row: 3,
    name: 'accept null and empty everywhere that they mean nothing',
    git: `${configMap.replace('  name: settings', '  name: settings\n  labels: null\n  annotations: {}\n  finalizers: []\n  ownerReferences: []\n  creationTimestamp: null\n  generation: 7\n  managedFields: []\n  selfLink: /x')}binaryData: {}\nimmutable: null\n`,
    agent: { text: configMap },
  },
  {
    row: 3,
    name: 'accept empty lists and objects in a Pod',
    git: deployment.replace(
      '          image: shop/web:1.0',
      '          image: shop/web:1.0\n          command: []\n          envFrom: []\n          securityContext: {}\n          lifecycle: null\n          livenessProbe: null',
    ),
  },
  {
    row: 20,
    name: 'find an empty volume where Git has none',
    git: deployment,
    live: json([{ op: 'add', path: '/spec/template/spec/volumes/-', value: { name: 'x', emptyDir: {} } }]),
    drift: ['add /spec/template/spec/volumes/1'],
  },
  {
    row: 6,
    name: 'accept stringData alone, with signs of all sorts',
    git: secret('stringData: { a: "", b: "gr\\u00fcn \\U0001F600", c: "line\\n" }'),
  },
  {
    row: 25,
    name: 'find a value of stringData emptied',
    git: secret('stringData: { a: x, b: z }'),
    live: merge({ data: { a: '' } }),
    drift: ['replace /data/a'],
  },
  {
    row: 25,
    name: 'find a key of a Secret removed that stringData gives',
    git: secret('data: { b: eA== }\nstringData: { a: x }'),
    live: merge({ data: { a: null } }),
    drift: ['remove /data/a'],
  },
  {
    row: 25,
    name: 'find a Secret made immutable',
    git: secret('stringData: { a: x }'),
    live: merge({ immutable: true }),
    drift: ['add /immutable'],
  },
  {
    row: 8,
    name: 'accept the ports of a Service in another order',
    git: service.replace(
      '    - { name: http, port: 80, targetPort: 8080 }',
      '    - { name: http, port: 80 }\n    - { name: https, port: 443 }',
    ),
    live: edit((object) => (at(object, 'spec', 'ports') as object[]).reverse()),
  },
  {
    row: 8,
    name: 'accept volumes, mounts and finalizers in another order',
    git: workload(
      'DaemonSet',
      '',
      '      volumes: [{ name: a, emptyDir: {} }, { name: b, emptyDir: {} }, { name: c, emptyDir: {} }]',
    ).replace('metadata: { name: db }', 'metadata: { name: db, finalizers: [x.dev/a, x.dev/b] }'),
    live: edit((object) => {
      const volumes = at(object, 'spec', 'template', 'spec', 'volumes') as object[]
      volumes.reverse()
      ;(object.metadata['finalizers'] as string[]).reverse()
    }),
  },
  {
    row: 23,
    name: 'find containers in another order',
    git: deployment.replace(
      '      tolerations:',
      '        - { name: side, image: "side:1" }\n      tolerations:',
    ),
    live: edit((object) => (at(object, 'spec', 'template', 'spec', 'containers') as object[]).reverse()),
  },
  {
    row: 23,
    name: 'find the commands of a container in another order',
    git: deployment.replace('args: ["--a", "--b"]', 'command: [sh, -c, x]'),
    live: json([{ op: 'replace', path: `${app}/command`, value: ['sh', 'x', '-c'] }]),
    drift: [`replace ${app}/command/1`, `replace ${app}/command/2`],
  },
]
