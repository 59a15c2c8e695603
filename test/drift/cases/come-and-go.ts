import { all, at, json, merge, remove, until, type Change, type DriftCase } from '../drift-case.ts'
import { configMap } from './yaml.ts'

const job = (metadata: string, spec = '') => `apiVersion: batch/v1
kind: Job
metadata: ${metadata}
spec: { ${spec}template: { spec: { restartPolicy: Never, containers: [{ name: c, image: x }] } } }
`
const short = job('{ name: migrate }', 'ttlSecondsAfterFinished: 1, ')

/** What the kubelet would write on the Job's Pod in the end. */
const finish: Change = async ({ stage, namespace, object }) => {
  const name = String(object.metadata['name'])
  const pods = `/api/v1/namespaces/${namespace}/pods`
  const end = Date.now() + 60_000
  for (;;) {
    const list = await stage.must('GET', `${pods}?labelSelector=job-name%3D${name}`)
    const pod = at(list, 'items', 0, 'metadata', 'name')
    if (typeof pod === 'string') {
      const status = { phase: 'Succeeded', containerStatuses: [] }
      await stage.must('PATCH', `${pods}/${pod}/status`, { status }, 'application/merge-patch+json')
      break
    }
    if (Date.now() > end) throw new Error(`the Job ${name} has no Pod`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** Waits until a controller removed the object. */
const gone: DriftCase['live'] = async ({ stage, path }) => {
  const end = Date.now() + 60_000
  while ((await stage.send('GET', path)).status !== 404) {
    if (Date.now() > end) throw new Error(`${path} is still there`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** Objects that come and go without anybody's doing, beside such as do not. */
export const comeAndGoCases: readonly DriftCase[] = [
  {
    row: 17,
    name: 'accept that a finished Job is gone after its time to live',
    git: short,
    live: all(finish, gone),
  },
  {
    row: 17,
    name: 'accept a Job with a time to live, finished and still there',
    git: job('{ name: migrate }', 'ttlSecondsAfterFinished: 3600, '),
    live: all(
      finish,
      until((object) => at(object, 'status', 'completionTime') !== undefined),
    ),
  },
  {
    row: 17,
    name: 'accept a Helm hook that is not there',
    git: job('{ name: hook, annotations: { helm.sh/hook: pre-install } }'),
    agent: 'none',
  },
  {
    row: 17,
    name: 'accept a Helm hook that was deleted after it ran',
    git: job('{ name: hook, annotations: { helm.sh/hook: "post-install,post-upgrade" } }'),
    live: remove,
  },
  {
    row: 17,
    name: 'accept an Argo CD hook that is not there',
    git: `${configMap}---\n${job('{ generateName: sync-, annotations: { argocd.argoproj.io/hook: PreSync } }')}`,
    agent: { text: configMap },
  },
  {
    row: 17,
    name: 'accept a hook of Argo CD with a name, deleted',
    git: configMap.replace(
      '  name: settings',
      '  name: settings\n  annotations: { argocd.argoproj.io/hook: Sync }',
    ),
    live: remove,
  },
  {
    row: 17,
    name: 'accept a name that the server makes, beside drift',
    git: `${configMap}---\n${job('{ generateName: run- }')}`,
    agent: { text: configMap },
    live: merge({ data: { a: 'x' } }),
    drift: ['replace /data/a'],
  },
  {
    row: 19,
    name: 'find a deleted Job that has no time to live',
    git: job('{ name: migrate }'),
    live: remove,
    status: 'missing',
  },
  {
    row: 19,
    name: 'find a deleted object whose annotation only looks like that of a hook',
    git: configMap.replace(
      '  name: settings',
      '  name: settings\n  annotations: { helm.sh/hook-weight: "1" }',
    ),
    live: remove,
    status: 'missing',
  },
  {
    row: 21,
    name: 'find a Job with a time to live that a person suspended',
    git: job('{ name: migrate }', 'ttlSecondsAfterFinished: 3600, '),
    live: merge({ spec: { suspend: true } }),
    drift: ['replace /spec/suspend'],
  },
  {
    row: 19,
    name: 'find the time to live of a Job changed',
    git: job('{ name: migrate }', 'ttlSecondsAfterFinished: 3600, '),
    live: merge({ spec: { ttlSecondsAfterFinished: 7200 } }),
    drift: ['replace /spec/ttlSecondsAfterFinished'],
  },
  {
    row: 20,
    name: 'find a label that was put on a hook',
    git: job('{ name: hook, annotations: { helm.sh/hook: pre-install } }'),
    live: json([{ op: 'add', path: '/metadata/labels/rogue', value: 'x' }]),
    drift: ['add /metadata/labels/rogue'],
  },
  {
    row: 16,
    name: 'accept what the agent brought in and Git does not name any more',
    git: configMap,
    agent: { text: `${configMap}---\n${configMap.replace('settings', 'former')}` },
    live: until((object) => at(object, 'data', 'a') === '1'),
  },
]
