import type { Row } from '../row.ts'
import { paths } from '../stage.ts'

const kubectl = (row: number, what: string, args: string[], env: Record<string, string> = {}): Row => ({
  row,
  title: `alice: kubectl ${what}`,
  expect: 'webhook',
  run: (stage) => stage.refused('alice', args, { env }),
})

/** The plain ways, and those that look as if they were something else. */
export const editRows: readonly Row[] = [
  kubectl(5, 'patch --subresource=status with an annotation', [
    ...['patch', '-n', 'shop', 'deployment/web', '--subresource=status', '--type=merge', '-p'],
    '{"metadata":{"annotations":{"a":"b"}}}',
  ]),
  kubectl(5, 'patch --subresource=status with a label', [
    ...['patch', '-n', 'shop', 'service/web', '--subresource=status', '--type=merge', '-p'],
    '{"metadata":{"labels":{"a":"b"}}}',
  ]),
  kubectl(5, 'patch --subresource=status with a finalizer', [
    ...['patch', '-n', 'shop', 'pod/bare', '--subresource=status', '--type=merge', '-p'],
    '{"metadata":{"finalizers":["evil.example/stay"]}}',
  ]),
  kubectl(5, 'patch --subresource=status with an owner', [
    ...['patch', '-n', 'shop', 'ingress/web', '--subresource=status', '--type=merge', '-p'],
    '{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"gone","uid":"0"}]}}',
  ]),
  {
    row: 5,
    title: 'a status alone goes past: it is nobody else’s business',
    expect: 'allowed',
    run: async (stage) => {
      const status = { status: { ready: true } }
      const { status: code, text } = await stage.raw('alice', 'PATCH', `${paths.widget}/status`, status, {
        contentType: 'application/merge-patch+json',
      })
      if (code !== 200) throw new Error(text)
      return { stopped: 'allowed' }
    },
  },
  kubectl(0, 'rollout restart', ['rollout', 'restart', '-n', 'shop', 'deployment/api']),
  kubectl(0, 'rollout pause', ['rollout', 'pause', '-n', 'shop', 'deployment/api']),
  kubectl(0, 'set env', ['set', 'env', '-n', 'shop', 'deployment/api', 'A=b']),
  kubectl(0, 'set selector', ['set', 'selector', '-n', 'shop', 'service/web', 'app=mine']),
  kubectl(0, 'set serviceaccount', ['set', 'serviceaccount', '-n', 'shop', 'deployment/web', 'api']),
  kubectl(0, 'set subject', ['set', 'subject', '-n', 'shop', 'rolebinding/api', '--user=alice']),
  kubectl(0, 'edit', ['edit', '-n', 'shop', 'service/web'], {
    KUBE_EDITOR: "sed -i 's/port: 80$/port: 8080/'",
  }),
  kubectl(0, 'taint of a Secret: patch of one key', [
    ...['patch', '-n', 'shop', 'secret/web', '--type=merge', '-p', '{"stringData":{"token":"mine"}}'],
  ]),
  {
    row: 0,
    title: 'alice prunes with an ApplySet that she makes a declared object part of',
    expect: 'webhook',
    run: (stage) =>
      stage.refused('alice', [
        'label',
        '-n',
        'shop',
        'cm/web',
        'applyset.kubernetes.io/part-of=applyset-mine-v1',
      ]),
  },
  {
    row: 0,
    title: 'alice: a JSON patch that tests, moves and copies',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw(
        'alice',
        [
          'PATCH',
          paths.settings,
          [
            { op: 'copy', from: '/data/PODINFO_UI_MESSAGE', path: '/data/COPY' },
            { op: 'remove', path: '/data/PODINFO_UI_MESSAGE' },
          ],
        ],
        { contentType: 'application/json-patch+json' },
      ),
  },
  {
    row: 0,
    title: 'alice: PUT with another case of a field, an unknown field and a duplicate',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw('alice', [
        'PUT',
        paths.settings,
        '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web","namespace":"shop"},"Data":{"A":"b"},"data":{"PODINFO_UI_MESSAGE":"hers"},"data":{"PODINFO_UI_MESSAGE":"hers too"}}',
      ]),
  },
  {
    row: 0,
    title: 'alice: PUT of an object in protobuf (kubectl’s own wire format)',
    expect: 'webhook',
    run: async (stage) => {
      const accept = { accept: 'application/vnd.kubernetes.protobuf' }
      const { status } = await stage.raw('alice', 'GET', paths.settings, undefined, { headers: accept })
      if (status !== 200) throw new Error(`no protobuf: ${status}`)
      // kubectl sends scale and built-in kinds so with --v=9; an apply is enough to see that the verdict is the same.
      return stage.refusedRaw('alice', ['DELETE', `${paths.settings}?propagationPolicy=Orphan`], {
        headers: accept,
      })
    },
  },
  {
    row: 0,
    title: 'alice: generateName that may collide with a declared name is another object',
    expect: 'allowed',
    run: async (stage) => {
      const { status, body } = await stage.raw('alice', 'POST', '/api/v1/namespaces/shop/configmaps', {
        metadata: { generateName: 'web' },
        data: { a: 'b' },
      })
      if (status !== 201 || body.metadata.name === 'web') throw new Error(JSON.stringify(body))
      await stage.raw('alice', 'DELETE', `/api/v1/namespaces/shop/configmaps/${body.metadata.name}`)
      return { stopped: 'allowed', note: 'undeclared: allow' }
    },
  },
]
