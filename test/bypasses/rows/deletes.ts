import type { Row } from '../row.ts'
import { paths } from '../stage.ts'

const MERGE = { contentType: 'application/merge-patch+json' }

/** Deletes of many at once, by proxy, and in two steps. */
export const deleteRows: readonly Row[] = [
  {
    row: 6,
    title: 'alice deletes a collection: ConfigMaps by a label selector that matches all',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw('alice', ['DELETE', '/api/v1/namespaces/shop/configmaps?labelSelector=!nothing']),
  },
  {
    row: 6,
    title: 'alice deletes a collection with a field selector: one declared Deployment',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw('alice', [
        'DELETE',
        '/apis/apps/v1/namespaces/shop/deployments?fieldSelector=metadata.name=web',
      ]),
  },
  {
    row: 6,
    title: 'alice deletes all kinds of a namespace: kubectl delete all --all',
    expect: 'webhook',
    run: (stage) =>
      stage.refused('alice', ['delete', 'deploy,sts,svc,ing,cm', '--all', '-n', 'shop', '--wait=false']),
  },
  {
    row: 6,
    title: 'a collection deleted past the webhook comes back',
    expect: 'watcher',
    run: (stage) =>
      stage.pastAdmission(
        () => stage.raw('alice', 'DELETE', '/api/v1/namespaces/shop/services'),
        async () => (await stage.raw('admin', 'GET', paths.service)).status === 200,
      ),
  },
  {
    row: 7,
    title: 'alice deletes a namespace that holds declared objects',
    expect: 'webhook',
    run: (stage) => stage.refused('alice', ['delete', 'namespace', 'shop', '--wait=false']),
  },
  {
    row: 7,
    title: 'alice ends it through namespaces/finalize',
    expect: 'webhook',
    run: async (stage) => {
      const { body } = await stage.raw('alice', 'GET', paths.namespace)
      return stage.refusedRaw('alice', [
        'PUT',
        `${paths.namespace}/finalize`,
        { ...body, spec: { finalizers: [] } },
      ])
    },
  },
  {
    row: 7,
    title: 'alice deletes a collection of namespaces by label',
    expect: 'server',
    run: async (stage) => {
      const path = '/api/v1/namespaces?labelSelector=app.kubernetes.io/part-of=shop'
      const { status, text } = await stage.raw('alice', 'DELETE', path)
      if (status < 400) throw new Error(text)
      return { stopped: 'server', note: 'the API server knows no such request' }
    },
  },
  {
    row: 8,
    title: 'alice adds a finalizer',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw(
        'alice',
        ['PATCH', paths.settings, { metadata: { finalizers: ['evil.example/stay'] } }],
        MERGE,
      ),
  },
  {
    row: 8,
    title: 'a terminating object is edited no more than another',
    expect: 'webhook',
    run: async (stage) => {
      // The agent recreates: its object waits for a finalizer of its own.
      const agent = 'system:serviceaccount:ci:deployer'
      await stage.raw(
        agent,
        'PATCH',
        paths.settings,
        { metadata: { finalizers: ['ci.example/wait'] } },
        MERGE,
      )
      await stage.raw(agent, 'DELETE', paths.settings)
      try {
        return await stage.refusedRaw(
          'alice',
          ['PATCH', paths.settings, { data: { PODINFO_UI_MESSAGE: 'hers' } }],
          MERGE,
        )
      } finally {
        await stage.raw(agent, 'PATCH', paths.settings, { metadata: { finalizers: null } }, MERGE)
        await stage.agentApplies()
      }
    },
  },
  {
    row: 9,
    title: 'alice gives an object an owner that is not there, for the garbage collector',
    expect: 'webhook',
    run: (stage) => {
      const uid = '00000000-0000-0000-0000-000000000000'
      const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid }]
      return stage.refusedRaw('alice', ['PATCH', paths.service, { metadata: { ownerReferences } }], MERGE)
    },
  },
  {
    row: 9,
    title: 'the same past the webhook: the object is what Git says, whoever collects it',
    expect: 'watcher',
    run: (stage) => {
      const uid = '00000000-0000-0000-0000-000000000000'
      const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid }]
      return stage.pastAdmission(
        () => stage.raw('alice', 'PATCH', paths.service, { metadata: { ownerReferences } }, MERGE),
        async () => {
          const { status, body } = await stage.raw('admin', 'GET', paths.service)
          return status === 200 && body.metadata.ownerReferences === undefined
        },
      )
    },
  },
  {
    row: 9,
    title: 'alice makes a declared object the child of one of hers, with cascading delete',
    expect: 'webhook',
    run: async (stage) => {
      const mine = '/api/v1/namespaces/shop/configmaps/hers'
      await stage.raw('alice', 'POST', '/api/v1/namespaces/shop/configmaps', { metadata: { name: 'hers' } })
      const { body } = await stage.raw('alice', 'GET', mine)
      const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'hers', uid: body.metadata.uid }]
      const outcome = await stage.refusedRaw(
        'alice',
        ['PATCH', paths.settings, { metadata: { ownerReferences } }],
        MERGE,
      )
      await stage.raw('alice', 'DELETE', mine)
      return outcome
    },
  },
  {
    row: 0,
    title: 'alice deletes with Orphan, so that children lose their owner',
    expect: 'webhook',
    run: (stage) =>
      stage.refused('alice', ['delete', 'deployment/api', '-n', 'shop', '--cascade=orphan', '--wait=false']),
  },
  {
    row: 0,
    title: 'alice deletes a declared ServiceAccount',
    expect: 'webhook',
    run: (stage) => stage.refused('alice', ['delete', 'serviceaccount/api', '-n', 'shop', '--wait=false']),
  },
]
