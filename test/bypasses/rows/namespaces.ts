import type { Row } from '../row.ts'
import { AGENT, paths } from '../stage.ts'

const MERGE = { contentType: 'application/merge-patch+json' }

/** In which namespaces the guard judges. */
export const namespaceRows: readonly Row[] = [
  {
    row: 16,
    title: 'alice labels a namespace to get it out of the selector',
    expect: 'webhook',
    run: (stage) =>
      stage.refused('alice', [
        ...['label', 'namespace', 'shop', '--overwrite'],
        'admissions.enforcer/disabled=true',
      ]),
  },
  {
    row: 16,
    title: 'alice changes the name label of a namespace: the API server sets it again',
    expect: 'server',
    run: async (stage) => {
      const labels = { 'kubernetes.io/metadata.name': 'elsewhere' }
      const { body } = await stage.raw(
        'alice',
        'PATCH',
        '/api/v1/namespaces/elsewhere',
        { metadata: { labels: { ...labels, 'kubernetes.io/metadata.name': 'shop' } } },
        MERGE,
      )
      if (body?.metadata?.labels?.['kubernetes.io/metadata.name'] === 'shop') throw new Error('it took it')
      return { stopped: 'server' }
    },
  },
  {
    row: 16,
    title: 'alice annotates a declared namespace',
    expect: 'webhook',
    run: (stage) =>
      stage.refused('alice', [
        'annotate',
        'namespace',
        'shop',
        'scheduler.alpha.kubernetes.io/node-selector=a=b',
      ]),
  },
  {
    row: 17,
    title: 'a declared object of kube-system, where no webhook is asked, is put back',
    expect: 'watcher',
    run: async (stage) => {
      await stage.must('alice', [
        'patch',
        '-n',
        'kube-system',
        'cm/shop-dns',
        '-p',
        '{"data":{"zone":"evil.example"}}',
      ])
      return stage.putBack(
        async () => (await stage.raw('admin', 'GET', paths.dns)).body?.data?.zone === 'shop.example',
      )
    },
  },
  {
    row: 17,
    title: "alice makes something in the guard's own namespace",
    expect: 'policy',
    run: (stage) => stage.refused('alice', ['create', 'configmap', 'hers', '-n', 'gitops-guard']),
  },
  {
    row: 0,
    title: 'a namespace declared just now is guarded as soon as the guard has read the commit',
    expect: 'webhook',
    run: async (stage) => {
      const { writeFile } = await import('node:fs/promises')
      const objects = [
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'annex' } },
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'rooms', namespace: 'annex' },
          data: { rooms: '1' },
        },
      ]
      const text = objects.map((object) => JSON.stringify(object)).join('\n---\n')
      await writeFile(`${stage.shop.directory}/prod/annex.yaml`, text)
      await stage.shop.commit('An annex')
      await stage.must(AGENT, ['apply', '--server-side', '-f', `${stage.shop.directory}/prod/annex.yaml`])
      const path = '/api/v1/namespaces/annex/configmaps/rooms'
      await stage.eventually('the annex is guarded', async () => {
        return (
          (await stage.raw('alice', 'PATCH', `${path}?dryRun=All`, { data: { rooms: '2' } }, MERGE))
            .status === 403
        )
      })
      return stage.refusedRaw('alice', ['PATCH', path, { data: { rooms: '2' } }], MERGE)
    },
  },
  {
    row: 18,
    title: 'alice puts a NoExecute taint on a node',
    expect: 'webhook',
    run: async (stage) => {
      await stage.raw('admin', 'POST', '/api/v1/nodes', { metadata: { name: 'node-1' } })
      return stage.refused('alice', ['taint', 'node', 'node-1', 'mine=yes:NoExecute'])
    },
  },
  {
    row: 18,
    title: 'alice makes a node that has the taint already',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw('alice', [
        'POST',
        '/api/v1/nodes',
        { metadata: { name: 'node-2' }, spec: { taints: [{ key: 'mine', effect: 'NoExecute' }] } },
      ]),
  },
]
