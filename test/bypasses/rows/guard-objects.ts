import type { Row } from '../row.ts'

const GUARD = '/api/v1/namespaces/gitops-guard'
const MERGE = { contentType: 'application/merge-patch+json' }

const refused = (row: number, title: string, args: string[]): Row => ({
  row,
  title: `alice ${title}`,
  expect: 'policy',
  run: (stage) => stage.refused('alice', args),
})

/** What the guard consists of. */
export const guardObjectRows: readonly Row[] = [
  refused(28, 'scales the guard to 0', [
    'scale',
    '-n',
    'gitops-guard',
    'deployment/gitops-guard',
    '--replicas=0',
  ]),
  refused(28, "deletes the guard's Deployment", [
    'delete',
    '-n',
    'gitops-guard',
    'deployment/gitops-guard',
    '--wait=false',
  ]),
  refused(28, "deletes the guard's Pods", ['delete', 'pods', '--all', '-n', 'gitops-guard', '--wait=false']),
  refused(28, "deletes the guard's Service", ['delete', '-n', 'gitops-guard', 'service/gitops-guard']),
  refused(28, "makes an EndpointSlice of the guard's Service point elsewhere", [
    ...[
      'label',
      'endpointslices',
      '--all',
      '-n',
      'gitops-guard',
      'kubernetes.io/service-name=other',
      '--overwrite',
    ],
  ]),
  refused(28, "deletes the guard's namespace", ['delete', 'namespace', 'gitops-guard', '--wait=false']),
  refused(28, "puts a finalizer on the guard's namespace", [
    ...[
      'patch',
      'namespace',
      'gitops-guard',
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":["evil.example/stay"]}}',
    ],
  ]),
  refused(28, "limits the guard's namespace to no Pods", [
    ...['create', 'quota', 'none', '-n', 'gitops-guard', '--hard=pods=0'],
  ]),
  {
    row: 28,
    title: 'alice cuts the guard off by a NetworkPolicy in its namespace',
    expect: 'policy',
    run: (stage) =>
      stage.refusedRaw('alice', [
        'POST',
        '/apis/networking.k8s.io/v1/namespaces/gitops-guard/networkpolicies',
        { metadata: { name: 'none' }, spec: { podSelector: {} } },
      ]),
  },
  refused(29, "edits the guard's configuration", [
    ...[
      'patch',
      '-n',
      'gitops-guard',
      'cm/gitops-guard',
      '--type=merge',
      '-p',
      '{"data":{"config.yaml":"mode: audit"}}',
    ],
  ]),
  {
    row: 29,
    title: "alice takes the guard's Lease",
    expect: 'policy',
    run: (stage) =>
      stage.refusedRaw('alice', [
        'POST',
        '/apis/coordination.k8s.io/v1/namespaces/gitops-guard/leases',
        { metadata: { name: 'gitops-guard' }, spec: { holderIdentity: 'alice' } },
      ]),
  },
  {
    row: 29,
    title: "alice writes the guard's certificate Secret",
    expect: 'policy',
    run: (stage) =>
      stage.refusedRaw('alice', [
        'POST',
        `${GUARD}/secrets`,
        { metadata: { name: 'gitops-guard-tls' }, stringData: { 'ca.key': 'hers' } },
      ]),
  },
  refused(29, "edits the guard's Deployment", [
    'set',
    'env',
    '-n',
    'gitops-guard',
    'deployment/gitops-guard',
    'A=b',
  ]),
  refused(29, "edits the guard's ClusterRole", [
    ...['patch', 'clusterrole', 'gitops-guard', '--type=merge', '-p', '{"rules":[]}'],
  ]),
  refused(29, "deletes the guard's ClusterRoleBinding", ['delete', 'clusterrolebinding', 'gitops-guard']),
  refused(29, 'deletes the definition of BreakGlass', [
    'delete',
    'crd',
    'breakglasses.gitops-guard.dev',
    '--wait=false',
  ]),
  refused(29, "deletes the guard's FlowSchema, so that its requests wait behind others'", [
    ...['delete', 'flowschema', 'gitops-guard'],
  ]),
  {
    row: 29,
    title: 'an invalid configuration keeps the last good one',
    expect: 'webhook',
    run: async (stage) => {
      const { readFile, writeFile } = await import('node:fs/promises')
      const path = `${stage.directory}/config.yaml`
      const good = await readFile(path, 'utf8')
      await writeFile(path, 'mode: off\n')
      await stage.eventually('the guard says so', async () =>
        /config.*(invalid|refused|stays|mode)/i.test(await stage.guard.log()),
      )
      try {
        return await stage.refused('alice', ['annotate', '-n', 'shop', 'deployment/api', 'a=b'])
      } finally {
        await writeFile(path, good)
      }
    },
  },
  {
    row: 0,
    title: "a service account with every right edits the guard's ClusterRole",
    expect: 'policy',
    run: (stage) =>
      stage.refusedRaw(
        'system:serviceaccount:ops:operator',
        ['PATCH', '/apis/rbac.authorization.k8s.io/v1/clusterroles/gitops-guard', { rules: [] }],
        MERGE,
      ),
  },
  {
    row: 0,
    title: 'a service account with every right scales the guard to 0',
    expect: 'webhook',
    run: (stage) =>
      stage.refused('system:serviceaccount:ops:operator', [
        ...['scale', '-n', 'gitops-guard', 'deployment/gitops-guard', '--replicas=0'],
      ]),
  },
]
