import type { Row } from '../row.ts'

const KUSTOMIZATION = '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/shop'
const REPOSITORY = '/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/shop'
const APPLICATION = '/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/shop'
const MERGE = { contentType: 'application/merge-patch+json' }

const patch = (row: number, title: string, path: string, body: object, user = 'alice'): Row => ({
  row,
  title,
  expect: 'webhook',
  run: (stage) => stage.refusedRaw(user, ['PATCH', path, body], MERGE),
})

/** What tells agents what to do. */
export const inputRows: readonly Row[] = [
  patch(23, 'alice suspends a Kustomization', KUSTOMIZATION, { spec: { suspend: true } }),
  patch(23, 'alice points a GitRepository elsewhere', REPOSITORY, {
    spec: { url: 'https://evil.example/x.git' },
  }),
  patch(23, 'alice points its status at another artifact', `${REPOSITORY}/status`, {
    status: { artifact: { url: 'https://evil.example/x.tar.gz' } },
  }),
  patch(23, 'alice changes an Application', APPLICATION, {
    spec: { source: { repoURL: 'https://evil.example' } },
  }),
  patch(23, 'alice syncs another revision: an operation in an Application', APPLICATION, {
    operation: { sync: { revision: 'evil' } },
  }),
  patch(23, "alice changes a Secret of Flux's", '/api/v1/namespaces/flux-system/secrets/git-credentials', {
    stringData: { password: 'hers' },
  }),
  {
    row: 23,
    title: 'alice deletes a Kustomization, so that it prunes',
    expect: 'webhook',
    run: (stage) =>
      stage.refused('alice', ['delete', '-n', 'flux-system', 'kustomization/shop', '--wait=false']),
  },
  {
    row: 23,
    title: 'alice makes a Kustomization of her own in any namespace',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw('alice', [
        'POST',
        '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/shop/kustomizations',
        {
          apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
          kind: 'Kustomization',
          metadata: { name: 'hers' },
          spec: {},
        },
      ]),
  },
  {
    row: 23,
    title: 'alice makes a Kustomization in a namespace that Git knows nothing of',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw('alice', [
        'POST',
        '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/elsewhere/kustomizations',
        {
          apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
          kind: 'Kustomization',
          metadata: { name: 'hers' },
          spec: {},
        },
      ]),
  },
  {
    row: 23,
    title: 'alice deletes the definition of Kustomizations, which prunes what they brought in',
    expect: 'webhook',
    run: (stage) =>
      stage.refused('alice', ['delete', 'crd', 'kustomizations.kustomize.toolkit.fluxcd.io', '--wait=false']),
  },
  {
    row: 23,
    title: 'alice allows no Pods in an agent’s namespace, by a quota',
    expect: 'webhook',
    run: (stage) => stage.refused('alice', ['create', 'quota', 'none', '-n', 'flux-system', '--hard=pods=0']),
  },
  {
    row: 24,
    title: 'argocd-server acts for a person',
    expect: 'webhook',
    run: async (stage) => {
      const user = 'system:serviceaccount:argocd:argocd-server'
      return stage.refusedRaw(user, ['PATCH', APPLICATION, { spec: { source: { path: 'evil' } } }], MERGE)
    },
  },
  {
    row: 24,
    title: 'argocd-server edits a declared Deployment (resource actions)',
    expect: 'webhook',
    run: async (stage) => {
      const user = 'system:serviceaccount:argocd:argocd-server'
      return stage.refused(user, ['rollout', 'restart', '-n', 'shop', 'deployment/api'])
    },
  },
]
