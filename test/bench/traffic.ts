import type { RawAnswer } from '../bypasses/raw-client.ts'
import { AGENT, OPERATOR, paths, Stage } from '../bypasses/stage.ts'

const WRITES = 200
const MERGE = { contentType: 'application/merge-patch+json' }

/** One kind of writer of a busy cluster: what it sends, numbered so that each write changes something. */
interface Writer {
  what: string
  /** Before the first write. */
  prepare?(stage: Stage): Promise<unknown>
  write(stage: Stage, n: number): Promise<RawAnswer>
}

/** As somebody whom the API server takes `admin` for. */
const as = (user: string, groups: readonly string[] = []) => ({
  ...MERGE,
  headers: { 'Impersonate-User': user, ...(groups.length > 0 ? { 'Impersonate-Group': groups.join() } : {}) },
})
const account = (name: string) => as(`system:serviceaccount:kube-system:${name}`)
const note = (n: number) => ({ metadata: { annotations: { 'ops.example/note': `${n}` } } })
const lease = (namespace: string) => `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
const events = '/api/v1/namespaces/shop/events'
const node = as('system:node:n1', ['system:nodes'])
const condition = (n: number) => ({ type: 'Progressing', status: 'True', reason: 'Bench', message: `${n}` })

const writers: readonly Writer[] = [
  {
    what: 'leases of nodes',
    prepare: (stage) =>
      stage.raw('admin', 'POST', lease('kube-node-lease'), { metadata: { name: 'n1' }, spec: {} }),
    write: (stage, n) =>
      stage.raw('admin', 'PATCH', `${lease('kube-node-lease')}/n1`, { spec: { leaseTransitions: n } }, node),
  },
  {
    what: 'leases of controllers in a guarded namespace',
    prepare: (stage) =>
      stage.raw(OPERATOR, 'POST', lease('shop'), { metadata: { name: 'operator' }, spec: {} }),
    write: (stage, n) =>
      stage.raw(OPERATOR, 'PATCH', `${lease('shop')}/operator`, { spec: { leaseTransitions: n } }, MERGE),
  },
  {
    what: 'events on guarded objects',
    write: (stage, n) =>
      stage.raw(OPERATOR, 'POST', events, {
        metadata: { name: `bench-${n}` },
        involvedObject: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' },
        reason: 'Bench',
        type: 'Normal',
      }),
  },
  {
    what: 'status of declared Deployments, by their controller',
    write: async (stage, n) => {
      const { body } = await stage.raw('admin', 'GET', paths.web)
      body.status.conditions = [condition(n)]
      // The real controller writes at the same time.
      delete body.metadata.resourceVersion
      return stage.raw('admin', 'PUT', `${paths.web}/status`, body, {
        ...account('deployment-controller'),
        contentType: 'application/json',
      })
    },
  },
  {
    what: 'status of declared custom resources, by their operator',
    write: (stage, n) =>
      stage.raw(OPERATOR, 'PATCH', `${paths.widget}/status`, { status: { round: n } }, MERGE),
  },
  {
    what: 'status of declared Pods, by kubelets',
    prepare: (stage) =>
      stage.raw(AGENT, 'POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
        metadata: { name: 'bench-node' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'system:node:n1' }],
      }),
    write: (stage, n) =>
      stage.raw('admin', 'PATCH', `${paths.bare}/status`, { status: { message: `${n}` } }, node),
  },
  {
    what: 'the agent, on what Git declares',
    write: (stage, n) => stage.raw(AGENT, 'PATCH', paths.settings, { data: { bench: `${n}` } }, MERGE),
  },
  {
    what: 'an operator with an allowance, on what Git declares',
    write: (stage, n) => stage.raw(OPERATOR, 'PATCH', paths.web, note(n), MERGE),
  },
  {
    what: 'people, in namespaces that nobody guards',
    prepare: (stage) =>
      stage.raw('alice', 'POST', '/api/v1/namespaces/elsewhere/configmaps', { metadata: { name: 'bench' } }),
    write: (stage, n) =>
      stage.raw(
        'alice',
        'PATCH',
        '/api/v1/namespaces/elsewhere/configmaps/bench',
        { data: { n: `${n}` } },
        MERGE,
      ),
  },
  {
    what: 'people, in guarded namespaces, on what Git does not hold',
    prepare: (stage) =>
      stage.raw('alice', 'POST', '/api/v1/namespaces/shop/configmaps', { metadata: { name: 'bench' } }),
    write: (stage, n) =>
      stage.raw('alice', 'PATCH', '/api/v1/namespaces/shop/configmaps/bench', { data: { n: `${n}` } }, MERGE),
  },
  {
    what: 'people, on what Git declares (refused)',
    write: (stage, n) => stage.raw('alice', 'PATCH', paths.settings, { data: { bench: `p${n}` } }, MERGE),
  },
]

/**
 * What of a busy cluster's writes reaches the webhook, for each thousand: counted by the guard's own metric, on a real API
 * server. Throws where a kind of write fails that should not: a table of refused writes says nothing.
 */
export async function benchTraffic(): Promise<void> {
  const stage = await Stage.open()
  try {
    console.log(`  ${'writes'.padEnd(58)} reviews per 1,000`)
    for (const { what, prepare, write } of writers) {
      await prepare?.(stage)
      const before = await stage.guard.reviews()
      let failed: RawAnswer | undefined
      for (let n = 0; n < WRITES; n++) {
        const answer = await write(stage, n)
        if (answer.status >= 300) failed = answer
      }
      const reviews = ((await stage.guard.reviews()) - before) * (1000 / WRITES)
      if ((failed !== undefined) !== what.includes('refused'))
        throw new Error(`${what}: ${failed?.text ?? 'not one was refused'}`)
      console.log(`  ${what.padEnd(58)} ${String(reviews).padStart(17)}`)
    }
  } finally {
    await stage.close()
  }
}
