import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startControlPlane, type ControlPlane } from '../../test/control-plane/control-plane.ts'
import { createAuthority } from '../tls/authority.ts'
import { issueServing } from '../tls/issue.ts'
import { source } from '../policy/testing.ts'
import { webhookConfiguration, type ConfigurationFacts } from './configuration.ts'
import { configMap, manifests, TestGuard, testPolicy } from '../../test/admission/test-guard.ts'

const AGENT = 'system:serviceaccount:flux-system:kustomize-controller'
const OPERATOR = 'system:serviceaccount:operators:operator'
/** With the rights to try anything: what is tested is admission. */
const controller = (name: string) => [
  `--as=system:serviceaccount:kube-system:${name}`,
  '--as-group=system:masters',
]
const KUBELET = ['--as=system:node:n1', '--as-group=system:nodes', '--as-group=system:authenticated']
const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'

let plane: ControlPlane
let guard: TestGuard

before(async () => {
  ;[plane, guard] = await Promise.all([startControlPlane(), TestGuard.start()])
  for (const name of ['shop', 'other', 'gitops-guard', 'operators']) {
    await plane.api('POST', '/api/v1/namespaces', { metadata: { name } })
  }
  await plane.serviceAccount('flux-system', 'kustomize-controller', { clusterAdmin: true })
  await plane.serviceAccount('operators', 'operator', { clusterAdmin: true })
  await plane.api('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', widgets)
  for (const manifest of manifests) await succeed(AGENT, ['apply', '-f', '-'], manifest)
  await succeed('admin', ['apply', '-n', 'other', '-f', '-'], {
    ...configMap,
    metadata: { name: 'settings' },
  })
  await plane.api('POST', CONFIGURATIONS, guard.configuration())
  await inForce()
  guard.takeAsked()
})
after(async () => {
  await guard?.server.stop()
  await plane?.stop()
})

const widgets = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
        },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
}

async function run(user: string, args: string[], stdin?: unknown) {
  return plane.kubectl(user, args, stdin === undefined ? {} : { stdin: JSON.stringify(stdin) })
}

async function succeed(user: string, args: string[], stdin?: unknown): Promise<string> {
  const { code, stdout, stderr } = await run(user, args, stdin)
  assert.equal(code, 0, `${user} ${args.join(' ')}: ${stderr}`)
  return stdout
}

async function refused(user: string, args: string[], stdin?: unknown): Promise<string> {
  const { code, stderr } = await run(user, args, stdin)
  assert.notEqual(code, 0, `${user} ${args.join(' ')} was not refused`)
  return stderr
}

/** An API server learns of a configuration by its watch. */
async function inForce(): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { status } = await plane.api('DELETE', '/api/v1/namespaces/shop/configmaps/settings?dryRun=All')
    if (status === 403 || status === 500) return
    await sleep(50)
  }
  throw new Error('the webhook configuration is not in force')
}

test('deny alice a changed image, and show her the reason', async () => {
  const stderr = await refused('alice', ['set', 'image', '-n', 'shop', 'deploy/web', 'web=evil'])
  assert.match(stderr, /denied the request: .*clusters\/prod\/deployment\.yaml/s)
  assert.match(stderr, /\(rule [a-z-]+, id [\da-f]{12}\)/)
  assert.deepEqual(guard.takeAsked(), ['alice UPDATE deployments shop/web deny'])
})

test('the agent passes without a call, and so does everybody in other namespaces', async () => {
  await succeed(AGENT, ['label', '-n', 'shop', 'deploy/web', 'by=agent', '--overwrite'])
  await succeed(AGENT, ['label', '-n', 'shop', 'deploy/web', 'by-'])
  await succeed('alice', ['label', '-n', 'other', 'cm/settings', 'by=alice'])
  assert.deepEqual(guard.takeAsked(), [])
})

test('a review of a scale names the Deployment', async () => {
  await refused('alice', ['scale', '-n', 'shop', 'deploy/web', '--replicas=9'])
  const [{ change }] = guard.asked as [(typeof guard.asked)[0]]
  assert.deepEqual(change.ref, { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' })
  assert.equal(change.after?.kind, 'Scale')
  guard.takeAsked()
})

test('status goes past; metadata that comes with it is judged, or the API server drops it', async () => {
  await succeed('alice', [...statusPatch('deploy/web'), '-p', '{"status":{"observedGeneration":99}}'])
  assert.deepEqual(guard.takeAsked(), [])
  await succeed('admin', ['create', '-f', '-', ...controller('replicaset-controller')], {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'shop' },
    spec: { containers: [{ name: 'a', image: 'a' }] },
  })
  await succeed(OPERATOR, ['create', '-f', '-'], widget('status'))
  let judged = 0
  for (const target of ['deploy/web', 'hpa/scaled', 'pod/p', 'widget/status']) {
    for (const metadata of [
      { labels: { a: 'b' } },
      { annotations: { a: 'b' } },
      { finalizers: ['a.dev/b'] },
      { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: '1' }] },
    ]) {
      guard.takeAsked()
      const before = await metadataOf(target)
      await run('alice', [...statusPatch(target), '-p', JSON.stringify({ metadata })])
      const asked = guard.takeAsked().length
      judged += asked
      if (asked === 0) assert.deepEqual(await metadataOf(target), before)
    }
  }
  assert.ok(judged >= 4, `${judged} judged`)
})

const statusPatch = (target: string) => [
  'patch',
  '-n',
  'shop',
  target,
  '--subresource=status',
  '--type=merge',
]
const widget = (name: string) => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name, namespace: 'shop' },
})

async function metadataOf(target: string) {
  const { metadata } = JSON.parse(await succeed('admin', ['get', '-n', 'shop', target, '-o', 'json']))
  const { labels, annotations, finalizers, ownerReferences } = metadata
  return { labels, annotations, finalizers, ownerReferences }
}

test('deletecollection is judged item by item, with the name of each', async () => {
  await refused('alice', ['delete', '-n', 'shop', 'deploy', '--all'])
  await refused('alice', ['delete', '--raw', '/apis/apps/v1/namespaces/shop/deployments'])
  const names = guard.takeAsked()
  assert.ok(names.length >= 3)
  assert.ok(
    names.every((each) => /^alice DELETE deployments shop\/(web|scaled) deny$/.test(each)),
    names.join('\n'),
  )
})

test('a dry-run gets the same verdict', async () => {
  await refused('alice', ['label', '-n', 'shop', 'deploy/web', 'a=b', '--dry-run=server'])
  assert.equal(guard.asked[0]?.change.dryRun, true)
  guard.takeAsked()
})

test("system controllers go past with their own job, and are asked about somebody else's will", async () => {
  const as = (name: string, ...args: string[]) => run('admin', [...args, ...controller(name)])
  assert.equal(
    (
      await as(
        'deployment-controller',
        'annotate',
        '-n',
        'shop',
        'deploy/web',
        'deployment.kubernetes.io/revision=7',
        '--overwrite',
      )
    ).code,
    0,
  )
  assert.deepEqual(guard.takeAsked(), [])
  assert.notEqual(
    (await as('deployment-controller', 'set', 'image', '-n', 'shop', 'deploy/web', 'web=evil')).code,
    0,
  )
  assert.match(guard.takeAsked()[0]!, /deployment-controller UPDATE deployments shop\/web deny/)
  const scale = (name: string, replicas: number) =>
    as('horizontal-pod-autoscaler', 'scale', '-n', 'shop', `deploy/${name}`, `--replicas=${replicas}`)
  assert.equal((await scale('scaled', 3)).code, 0)
  assert.deepEqual(guard.takeAsked(), [])
  assert.notEqual((await scale('web', 3)).code, 0)
  assert.match(guard.takeAsked()[0]!, /horizontal-pod-autoscaler UPDATE deployments\/scale shop\/web deny/)
  await as('generic-garbage-collector', 'delete', '-n', 'shop', 'cm/settings')
  assert.match(guard.takeAsked()[0]!, /generic-garbage-collector DELETE configmaps shop\/settings deny/)
})

test("nobody gets a token, a token Secret or a Pod of the control plane's accounts", async () => {
  await refused('alice', ['create', 'token', '-n', 'kube-system', 'namespace-controller'])
  assert.match(
    guard.takeAsked()[0]!,
    /alice CREATE serviceaccounts\/token kube-system\/namespace-controller deny/,
  )
  await refused('alice', ['apply', '-f', '-'], {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/service-account-token',
    metadata: {
      name: 's',
      namespace: 'kube-system',
      annotations: { 'kubernetes.io/service-account.name': 'namespace-controller' },
    },
  })
  await refused('alice', [
    'run',
    '-n',
    'kube-system',
    'p',
    '--image=x',
    '--overrides={"spec":{"serviceAccountName":"generic-garbage-collector"}}',
  ])
  const pod = {
    metadata: { labels: { a: 'b' } },
    spec: { serviceAccountName: 'job-controller', containers: [{ name: 'a', image: 'a' }] },
  }
  await refused('alice', ['apply', '-f', '-'], {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'kube-system' },
    spec: { selector: { matchLabels: { a: 'b' } }, template: pod },
  })
  await refused('alice', ['apply', '-f', '-'], {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'c', namespace: 'kube-system' },
    spec: {
      schedule: '0 0 * * *',
      jobTemplate: { spec: { template: { spec: { ...pod.spec, restartPolicy: 'Never' } } } },
    },
  })
  guard.takeAsked()
  await succeed('alice', ['create', 'secret', 'generic', '-n', 'kube-system', 'plain', '--from-literal=a=b'])
  await succeed('alice', ['run', '-n', 'kube-system', 'p', '--image=x'])
  await succeed('alice', ['create', 'token', '-n', 'operators', 'operator'])
  assert.deepEqual(guard.takeAsked(), [])
})

test('no condition fails on any kind, verb or subresource, whoever asks', async () => {
  const requests: [string[], unknown?][] = [
    [['create', 'namespace', 'shop-2']],
    [['label', 'namespace', 'shop', 'a=b', '--overwrite']],
    [['apply', '-f', '-'], { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n2' } }],
    [['taint', 'node', 'n2', 'a=b:NoSchedule', '--overwrite']],
    [['cordon', 'n2']],
    [['patch', 'node', 'n2', '--subresource=status', '--type=merge', '-p', '{"status":{"phase":"Running"}}']],
    [['delete', 'node', 'n2']],
    [
      ['create', '-f', '-'],
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { generateName: 'p-', namespace: 'shop' },
        spec: { containers: [{ name: 'a', image: 'a' }] },
      },
    ],
    [['exec', '-n', 'shop', 'deploy/web', '--', 'true']],
    [['create', 'token', '-n', 'shop', 'default']],
    [
      ['create', '-f', '-', '--raw', '/api/v1/namespaces/shop/pods/none/eviction'],
      { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'none', namespace: 'shop' } },
    ],
    [
      ['create', '-f', '-', '--raw', '/api/v1/namespaces/shop/pods/none/binding'],
      { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'none' }, target: { kind: 'Node', name: 'n2' } },
    ],
    [['get', '--raw', '/api/v1/namespaces/shop/services/none/proxy/']],
    [['get', '--raw', '/api/v1/nodes/none/proxy/']],
    [
      ['apply', '-f', '-'],
      {
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { name: 'c' },
        spec: { signerName: 'example.com/x', request: CSR, usages: ['client auth'] },
      },
    ],
    [['certificate', 'deny', 'c']],
    [['delete', 'csr', 'c']],
    [['create', 'clusterrole', 'r', '--verb=get', '--resource=pods']],
    [['delete', 'clusterrole', 'r']],
    [['create', 'priorityclass', 'p', '--value=1']],
    [['delete', 'priorityclass', 'p']],
    [
      ['apply', '-f', '-'],
      {
        apiVersion: 'example.com/v1',
        kind: 'Widget',
        metadata: { name: 'w', namespace: 'shop' },
        spec: { replicas: 1 },
      },
    ],
    [['patch', '-n', 'shop', 'widget', 'w', '--type=merge', '-p', '{"spec":{"replicas":2}}']],
    [
      [
        'patch',
        '-n',
        'shop',
        'widget',
        'w',
        '--subresource=status',
        '--type=merge',
        '-p',
        '{"status":{"a":1}}',
      ],
    ],
    [['scale', '-n', 'shop', 'widget', 'w', '--replicas=3']],
    [['delete', '-n', 'shop', 'widget', 'w']],
    [['create', 'quota', '-n', 'shop', 'q']],
    [['delete', '-n', 'shop', 'quota', 'q']],
    [['create', 'role', '-n', 'shop', 'r', '--verb=get', '--resource=pods']],
    [['delete', '-n', 'shop', 'role', 'r']],
    [['annotate', 'crd', 'widgets.example.com', 'a=b', '--overwrite']],
    [['delete', '--raw', '/api/v1/namespaces/shop/pods']],
    [['delete', 'namespace', 'shop-2', '--wait=false']],
  ]
  const actors: [string, string[]][] = [
    ['alice', []],
    [OPERATOR, []],
    ['admin', ['--as=system:serviceaccount:kube-system:namespace-controller', '--as-group=system:masters']],
    ['admin', ['--as=system:node:n2', '--as-group=system:nodes', '--as-group=system:masters']],
    [
      'admin',
      ['--as=nobody-special', '--as-group=system:masters', '--as-uid=7', '--as-user-extra=a.dev/b=c'],
    ],
  ]
  for (const [user, as] of actors) {
    for (const [args, stdin] of requests) {
      const { stdout, stderr } = await run(user, [...args, ...as], stdin)
      assert.doesNotMatch(
        stdout + stderr,
        /resulted in error|no such|failed calling|match condition/i,
        `${user} ${args.join(' ')} ${as.join(' ')}`,
      )
    }
  }
  assert.deepEqual(guard.errors, [])
  const kinds = guard.asked
    .filter(({ change }) => change.ref.kind === '')
    .map(({ change }) => change.resource.resource)
  assert.ok(
    kinds.every((resource) => resource === 'widgets'),
    'only what discovery has not seen has no kind',
  )
  const inNamespace = guard.asked
    .filter(({ change }) => change.ref.kind === 'Namespace')
    .map(({ change }) => change.ref.namespace)
  assert.ok(inNamespace.length > 0 && inNamespace.every((namespace) => namespace === ''))
  guard.takeAsked()
})

const CSR = Buffer.from(
  `-----BEGIN CERTIFICATE REQUEST-----
MIHGMG0CAQAwCzEJMAcGA1UEAwwAMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
-----END CERTIFICATE REQUEST-----`,
).toString('base64')

test('a new certificate while the API server asks loses no review', async () => {
  const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3600_000 }
  const next = await createAuthority({ validity })
  let stop = false
  let reviews = 0
  const workers = Array.from({ length: 8 }, async () => {
    while (!stop) {
      const { status, body } = await plane.api(
        'DELETE',
        '/api/v1/namespaces/shop/configmaps/settings?dryRun=All',
      )
      assert.equal(status, 403, JSON.stringify(body))
      assert.match(body.message, /Git/)
      reviews++
    }
  })
  const overlap = guard.configuration({ caBundle: guard.ca + next.certificate })
  const { status, body } = await plane.api('PUT', `${CONFIGURATIONS}/gitops-guard`, {
    ...overlap,
    metadata: {
      ...(overlap.metadata as object),
      resourceVersion: (await plane.api('GET', `${CONFIGURATIONS}/gitops-guard`)).body.metadata
        .resourceVersion,
    },
  })
  assert.equal(status, 200, JSON.stringify(body))
  await sleep(1000)
  guard.server.setCertificates(
    await issueServing(next, { names: { dnsNames: [], ips: ['127.0.0.1'] }, validity }),
  )
  await sleep(1000)
  stop = true
  await Promise.all(workers)
  assert.ok(reviews > 100, `${reviews} reviews`)
  guard.takeAsked()
})

test('what is stored equals what is wanted, so that nobody keeps writing it', async () => {
  const { body } = await plane.api('GET', `${CONFIGURATIONS}/gitops-guard`)
  const wanted = guard.configuration({ caBundle: 'x' })
  const strip = (webhook: any) => ({ ...webhook, clientConfig: { ...webhook.clientConfig, caBundle: '' } }) // eslint-disable-line @typescript-eslint/no-explicit-any
  assert.deepEqual(body.webhooks.map(strip), (wanted.webhooks as object[]).map(strip))
})

const many = (count: number) =>
  Array.from({ length: count }, (_, i) => `system:serviceaccount:team-${i}:deployer`)
const limited = source({
  name: 'limited',
  agents: [{ name: 'ci', users: ['system:serviceaccount:ci:deployer'] }],
})
const variants: [string, () => object][] = [
  ['tokens bound to Pods', () => guard.configuration({ boundTokens: true })],
  ['nothing known of Git', () => withoutDeclared()],
  [
    'a list of resources',
    () =>
      guard.configuration({
        resources: [
          { group: 'apps', resource: 'deployments', namespaced: true },
          { group: '', resource: 'namespaces', namespaced: false },
        ],
      }),
  ],
  ['connects denied', () => guard.configuration({ policy: testPolicy({ connect: 'deny' }) })],
  [
    'one identity of all controllers',
    () => guard.configuration({ policy: testPolicy({ sharedControllerIdentity: true }) }),
  ],
  ['no conditions', () => guard.configuration({ conditions: false })],
  [
    '3,000 agents',
    () =>
      guard.configuration({
        policy: testPolicy({
          agents: [{ name: 'ci', users: many(3000) }],
          sources: [source({ agents: [{ name: 'ci', users: many(3000) }] })],
        }),
      }),
  ],
  [
    'every preset',
    () =>
      guard.configuration({
        policy: testPolicy({
          agents: ['flux', 'argocd', 'flagger', 'config-sync', 'gitkube'].map((name) => ({
            name,
            users: ['u'],
          })),
        }),
      }),
  ],
  [
    'an agent limited to a source',
    () => guard.configuration({ policy: testPolicy({}, { policy: limited }) }),
  ],
  [
    'undeclared objects denied',
    () => guard.configuration({ policy: testPolicy({ sources: [source({ undeclared: 'deny' })] }) }),
  ],
  [
    'hostile names',
    () =>
      guard.configuration({
        policy: testPolicy({ agents: [{ name: 'x', users: ['a"] || true || ["\\', "b'\n\u0000\u2028"] }] }),
      }),
  ],
  ['kube-system guarded', () => guard.configuration({ namespaces: ['kube-system', 'shop'] })],
]

function withoutDeclared(): object {
  const facts: Partial<ConfigurationFacts> = guard.facts()
  delete facts.declared
  return webhookConfiguration(facts as ConfigurationFacts)
}

for (const [what, build] of variants) {
  test(`the API server takes the configuration with ${what}`, async () => {
    const configuration = build() as { metadata: object }
    const { status, body } = await plane.api('POST', `${CONFIGURATIONS}?dryRun=All`, {
      ...configuration,
      metadata: { name: 'other' },
    })
    assert.equal(status, 201, JSON.stringify(body))
  })
}

test('with the guard stopped the cluster goes on, and alice is refused', async () => {
  await guard.server.stop()
  assert.match(
    await refused('alice', ['set', 'image', '-n', 'shop', 'deploy/web', 'web=evil']),
    /failed calling webhook/,
  )
  await refused('alice', ['scale', '-n', 'shop', 'deploy/web', '--replicas=0'])
  await refused('alice', ['delete', '-n', 'shop', 'cm/settings'])
  await refused('alice', ['delete', 'namespace', 'shop'])
  await refused('alice', ['create', 'token', '-n', 'flux-system', 'kustomize-controller'])
  await refused('alice', ['create', 'token', '-n', 'kube-system', 'namespace-controller'])

  const lease = (namespace: string, name: string) => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace },
  })
  await succeed(OPERATOR, ['create', '-f', '-'], lease('shop', 'leader'))
  await succeed(OPERATOR, ['annotate', '-n', 'shop', 'lease/leader', 'a=b'])
  await succeed(OPERATOR, ['create', '-f', '-'], {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'e', namespace: 'shop' },
    involvedObject: { namespace: 'shop' },
    reason: 'A',
    message: 'm',
    type: 'Normal',
  })
  await succeed(OPERATOR, [
    'patch',
    '-n',
    'shop',
    'deploy/web',
    '--subresource=status',
    '--type=merge',
    '-p',
    '{"status":{"observedGeneration":101}}',
  ])
  await succeed(OPERATOR, ['create', '-f', '-'], {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { name: 'w', namespace: 'shop' },
  })
  await succeed('alice', ['auth', 'can-i', 'get', 'pods', '-n', 'shop'])
  await succeed('alice', ['auth', 'whoami'])

  await succeed(AGENT, ['set', 'image', '-n', 'shop', 'deploy/web', 'web=podinfo:6.7.1'])
  const rolledOut = async () => {
    const pods = await succeed('admin', [
      'get',
      'pods',
      '-n',
      'shop',
      '-l',
      'app=web',
      '-o',
      'jsonpath={.items[*].spec.containers[0].image}',
    ])
    return pods.includes('podinfo:6.7.1')
  }
  await eventually(rolledOut, "the agent's commit rolls out")
  // One of the new: the old ones are on their way out.
  const names = '{.items[?(@.spec.containers[0].image=="podinfo:6.7.1")].metadata.name}'
  const pods = await succeed('admin', [
    'get',
    'pods',
    '-n',
    'shop',
    '-l',
    'app=web',
    '-o',
    `jsonpath=${names}`,
  ])
  const name = pods.split(' ')[0]!
  await succeed(
    'admin',
    [
      'create',
      '-f',
      '-',
      '--raw',
      `/api/v1/namespaces/shop/pods/${name}/eviction`,
      `--as=${OPERATOR}`,
      '--as-group=system:serviceaccounts',
    ],
    {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace: 'shop' },
    },
  )

  await succeed('admin', ['create', '-f', '-', ...KUBELET], {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1' },
  })
  const kubelet = JSON.parse(await succeed('admin', ['get', 'node', 'n1', '-o', 'json']))
  kubelet.status.phase = 'Running'
  // The node's controllers write to it at the same time.
  delete kubelet.metadata.resourceVersion
  await succeed('admin', ['replace', '-f', '-', '--raw', '/api/v1/nodes/n1/status', ...KUBELET], kubelet)
  await succeed('admin', ['create', '-f', '-', ...KUBELET], lease('kube-node-lease', 'n1'))
  await succeed('admin', ['annotate', '-n', 'kube-node-lease', 'lease/n1', 'a=b', ...KUBELET])
  await succeed(OPERATOR, ['taint', 'node', 'n1', 'a=b:NoSchedule'])
  await succeed(OPERATOR, ['delete', 'node', 'n1'])

  await succeed('alice', ['create', 'namespace', 'new'])
  await succeed('alice', ['create', 'deployment', '-n', 'new', 'd', '--image=a'])
  await eventually(
    async () => (await succeed('admin', ['get', 'pods', '-n', 'new', '-o', 'name'])).includes('pod/'),
    'a Deployment elsewhere rolls out',
  )
  await succeed('alice', ['delete', 'namespace', 'new', '--timeout=50s'])

  await succeed('admin', [
    'scale',
    '-n',
    'shop',
    'deploy/scaled',
    '--replicas=2',
    ...controller('horizontal-pod-autoscaler'),
  ])
  await succeed('alice', ['create', 'cm', '-n', 'kube-system', 'cm'])
})

async function eventually(check: () => Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    if (await check()) return
    await sleep(250)
  }
  assert.fail(`did not come about: ${what}`)
}
