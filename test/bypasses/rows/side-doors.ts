import type { Row } from '../row.ts'
import { paths, type Stage } from '../stage.ts'

const letIn = (what: string, path: string, body: object): Row => ({
  row: 0,
  title: `alice makes ${what}: let in where undeclared is allow`,
  expect: 'allowed',
  run: async (stage) => {
    const { status, text } = await stage.raw('alice', 'POST', `${path}?dryRun=All`, body)
    if (status !== 201) throw new Error(text)
    return { stopped: 'allowed', note: 'undeclared: deny refuses it, below' }
  },
})

/** Objects that Git does not declare, through which others act on those that it does. */
export const sideDoorRows: readonly Row[] = [
  {
    row: 0,
    title: 'alice patches a declared PriorityClass, PodDisruptionBudget and Ingress',
    expect: 'webhook',
    run: async (stage) => {
      await stage.refused('alice', ['annotate', 'priorityclass', 'shop', 'a=b'])
      await stage.refused('alice', [
        'patch',
        '-n',
        'shop',
        'pdb/api',
        '--type=merge',
        '-p',
        '{"spec":{"maxUnavailable":0}}',
      ])
      return stage.refused('alice', [
        'annotate',
        '-n',
        'shop',
        'ingress/web',
        'nginx.ingress.kubernetes.io/rewrite-target=/x',
      ])
    },
  },
  letIn('a quota of 0 in a guarded namespace', '/api/v1/namespaces/shop/resourcequotas', {
    metadata: { name: 'none' },
    spec: { hard: { pods: '0' } },
  }),
  letIn('a LimitRange that fills in what Git leaves out', '/api/v1/namespaces/shop/limitranges', {
    metadata: { name: 'hers' },
    spec: { limits: [{ type: 'Container', default: { cpu: '1m' } }] },
  }),
  {
    row: 0,
    title: 'with undeclared: deny alice adds nothing to the namespace, by any kind or subresource',
    expect: 'webhook',
    run: (stage) => denyUndeclared(stage),
  },
  {
    row: 0,
    title: 'a Deployment elsewhere is nobody’s business',
    expect: 'allowed',
    run: async (stage) => {
      await stage.must('alice', [
        'create',
        'deployment',
        'hers',
        '-n',
        'elsewhere',
        '--image=x',
        '--replicas=1',
      ])
      await stage.must('alice', ['scale', '-n', 'elsewhere', 'deployment/hers', '--replicas=2'])
      return { stopped: 'allowed' }
    },
  },
  {
    row: 0,
    title: 'the denial is found again: one id in answer, log, chat and report',
    expect: 'webhook',
    run: async (stage) => {
      // Somebody of whom nothing was told yet, once nothing else waits: a burst becomes a digest, which names some ids only.
      await stage.eventually('no message waits', () => stage.guard.tellsNothing(), 120_000)
      await stage.plane.user('carol', { groups: ['developers'], clusterAdmin: true })
      const { stderr } = await stage.kubectl('carol', [
        'annotate',
        '-n',
        'shop',
        'deployment/web',
        'found=again',
      ])
      const match = /\(rule ([a-z-]+), id ([0-9a-f]{12})\)\s*$/.exec(stderr)
      if (match === null) throw new Error(`no rule and id at the end of: ${stderr}`)
      const [, rule, id] = match
      const violation = await stage.told('denied', (each) => each.id === id)
      if (violation.rule !== rule) throw new Error(`${violation.rule} is not ${rule}`)
      await stage.eventually('chat has it', async () => stage.sink.chat.some((text) => text.includes(id!)))
      if (!(await stage.guard.log()).includes(id!)) throw new Error('the log has it not')
      return { stopped: 'webhook' }
    },
  },
]

/** The strict mode, on for a moment. */
async function denyUndeclared(stage: Stage) {
  const { readFile, writeFile } = await import('node:fs/promises')
  const path = `${stage.directory}/config.yaml`
  const before = await readFile(path, 'utf8')
  await writeFile(path, before.replace('    poll: 1s', '    poll: 1s\n    undeclared: deny'))
  const probe = { metadata: { name: 'probe' }, data: {} }
  const isStrict = async () =>
    (await stage.raw('alice', 'POST', '/api/v1/namespaces/shop/configmaps?dryRun=All', probe)).status === 403
  await stage.eventually('the strict configuration is in force', isStrict)
  try {
    const tries: [string, object][] = [
      [
        '/api/v1/namespaces/shop/services',
        { metadata: { name: 'hers' }, spec: { selector: { app: 'api' }, ports: [{ port: 80 }] } },
      ],
      [
        '/api/v1/namespaces/shop/resourcequotas',
        { metadata: { name: 'none' }, spec: { hard: { pods: '0' } } },
      ],
      [
        '/api/v1/namespaces/shop/limitranges',
        { metadata: { name: 'hers' }, spec: { limits: [{ type: 'Container', default: { cpu: '1m' } }] } },
      ],
      [
        '/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies',
        { metadata: { name: 'hers' }, spec: { podSelector: {} } },
      ],
      [
        '/apis/policy/v1/namespaces/shop/poddisruptionbudgets',
        {
          metadata: { name: 'hers' },
          spec: { maxUnavailable: 0, selector: { matchLabels: { app: 'api' } } },
        },
      ],
      [
        '/apis/networking.k8s.io/v1/namespaces/shop/ingresses',
        {
          metadata: { name: 'hers' },
          spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
        },
      ],
      [
        '/api/v1/namespaces/shop/pods',
        {
          metadata: { name: 'hers', labels: { 'app.kubernetes.io/name': 'web' } },
          spec: { containers: [{ name: 'c', image: 'x' }] },
        },
      ],
      [
        '/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings',
        {
          metadata: { name: 'hers' },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
          subjects: [{ kind: 'User', name: 'bob', apiGroup: 'rbac.authorization.k8s.io' }],
        },
      ],
      [
        '/apis/gadgets.example/v1/namespaces/shop/gadgets',
        { apiVersion: 'gadgets.example/v1', kind: 'Gadget', metadata: { name: 'hers' } },
      ],
    ]
    for (const [list, body] of tries) await stage.refusedRaw('alice', ['POST', list, body])
    return await stage.refused('alice', ['create', 'configmap', 'hers', '-n', 'shop'])
  } finally {
    await writeFile(path, before)
    await stage.eventually('the old configuration is in force', async () => !(await isStrict()))
    await stage.raw('admin', 'GET', paths.web)
  }
}
