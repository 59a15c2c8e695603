/** With every replica of the guard dead: people are refused, everybody who must work goes on. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { OPERATOR, paths, Stage } from './stage.ts'

const MERGE = { contentType: 'application/merge-patch+json' }
const DRAINER = 'system:serviceaccount:elsewhere:drainer'
let stage: Stage
before(async () => {
  stage = await Stage.open()
  await stage.plane.user('system:node:node-1', { groups: ['system:nodes'] })
  await stage.must('alice', ['create', 'namespace', 'passing'])
  await stage.must('alice', ['create', 'configmap', 'some', '-n', 'passing'])
  await stage.guard.end('SIGKILL')
})
after(() => stage?.close())

async function ok(user: string, method: string, path: string, body?: object, options = {}) {
  const { status, text, body: answer } = await stage.raw(user, method, path, body, options)
  assert.ok(status < 300, `${user} ${method} ${path}: ${status} ${text}`)
  return answer
}

test('refuse alice, in guarded namespaces and for what is cluster-scoped', async () => {
  for (const args of [
    ['scale', '-n', 'shop', 'deployment/web', '--replicas=7'],
    ['delete', '-n', 'shop', 'configmap/web', '--wait=false'],
    ['delete', 'namespace', 'shop', '--wait=false'],
    ['annotate', 'crd', 'widgets.shop.example', 'a=b'],
  ])
    assert.match(
      (await stage.kubectl('alice', args)).stderr,
      /failed calling webhook "[a-z]+\.gitops-guard\.dev"/,
    )
})

test('refuse alice the webhook, the roles and the namespace of the guard: the policies need no guard', async () => {
  for (const args of [
    ['delete', 'validatingwebhookconfiguration', 'gitops-guard'],
    ['delete', 'clusterrolebinding', 'gitops-guard'],
    ['delete', 'namespace', 'gitops-guard', '--wait=false'],
    ['scale', '-n', 'gitops-guard', 'deployment/gitops-guard', '--replicas=0'],
    ['create', 'token', 'gitops-guard', '-n', 'gitops-guard'],
  ])
    assert.match(
      (await stage.kubectl('alice', args)).stderr,
      /ValidatingAdmissionPolicy 'gitops-guard/,
      args.join(' '),
    )
})

test('the agent applies a commit, and it is rolled out', async () => {
  await stage.shop.change('podinfo.yaml', 'podinfo:6.9.0', 'podinfo:6.9.1', 'Podinfo 6.9.1')
  await stage.agentApplies()
  await stage.eventually('a new ReplicaSet with Pods', async () => {
    const { items } = await ok('admin', 'GET', '/api/v1/namespaces/shop/pods')
    return items.some(({ spec }: { spec: { containers: { image: string }[] } }) =>
      spec.containers[0]!.image.endsWith(':6.9.1'),
    )
  })
})

test('a Deployment of another namespace is made, rolls out and goes', async () => {
  await stage.must('alice', ['create', 'deployment', 'hers', '-n', 'elsewhere', '--image=x:1'])
  await stage.must('alice', ['set', 'image', '-n', 'elsewhere', 'deployment/hers', '*=x:2'])
  await stage.eventually('Pods of x:2', async () => {
    const { items } = await ok('alice', 'GET', '/api/v1/namespaces/elsewhere/pods')
    return items.some(
      ({ spec }: { spec: { containers: { image: string }[] } }) => spec.containers[0]!.image === 'x:2',
    )
  })
  await stage.must('alice', ['delete', '-n', 'elsewhere', 'deployment/hers', '--wait=false'])
})

test('a node joins, renews its lease, reports its status and a Pod’s', async () => {
  const node = 'system:node:node-1'
  await ok(node, 'POST', '/api/v1/nodes', { metadata: { name: 'node-1' } })
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
  await ok(node, 'POST', leases, {
    metadata: { name: 'node-1' },
    spec: { holderIdentity: 'node-1', leaseDurationSeconds: 40 },
  })
  await ok(
    node,
    'PATCH',
    `${leases}/node-1`,
    { spec: { renewTime: new Date().toISOString().replace('Z', '000Z') } },
    MERGE,
  )
  await ok(node, 'PATCH', '/api/v1/nodes/node-1/status', { status: { capacity: { pods: '110' } } }, MERGE)
})

test('a kubelet asks for a certificate', async () => {
  const { execFileSync } = await import('node:child_process')
  const request = execFileSync(
    'openssl',
    [
      'req',
      '-new',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      `${stage.directory}/k`,
      '-subj',
      '/O=system:nodes/CN=system:node:node-1',
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  ).toString('base64')
  await ok('system:node:node-1', 'POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests', {
    metadata: { name: 'renewal' },
    spec: {
      request,
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['client auth', 'digital signature'],
    },
  })
})

test('a namespace without guarded objects terminates', async () => {
  await stage.must('alice', ['delete', 'namespace', 'passing', '--wait=false'])
  await stage.eventually(
    'it is gone',
    async () => (await stage.raw('admin', 'GET', '/api/v1/namespaces/passing')).status === 404,
  )
})

test('events, leader elections and evictions by service accounts, also in a guarded namespace', async () => {
  await ok(DRAINER, 'POST', '/api/v1/namespaces/shop/events', {
    metadata: { name: 'something' },
    involvedObject: { kind: 'Pod', namespace: 'shop', name: 'bare' },
    reason: 'Tested',
    type: 'Normal',
  })
  const leases = '/apis/coordination.k8s.io/v1/namespaces/shop/leases'
  await ok(DRAINER, 'POST', leases, { metadata: { name: 'leader' }, spec: { holderIdentity: 'a' } })
  await ok(DRAINER, 'PATCH', `${leases}/leader`, { spec: { holderIdentity: 'b' } }, MERGE)
  const { items } = await ok('admin', 'GET', '/api/v1/namespaces/shop/pods?labelSelector=app=api')
  const { name } = items[0].metadata
  await ok(DRAINER, 'POST', `/api/v1/namespaces/shop/pods/${name}/eviction`, {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace: 'shop' },
  })
})

test('an operator reports a status', async () => {
  await ok(OPERATOR, 'PATCH', `${paths.widget}/status`, { status: { phase: 'Ready' } }, MERGE)
})

test('the declared autoscaler scales its Deployment', async () => {
  const { stdout } = await stage.must('admin', ['create', 'token', '-n', 'kube-system', 'default'])
  assert.notEqual(stdout, '')
  const controller = { 'impersonate-user': 'system:serviceaccount:kube-system:horizontal-pod-autoscaler' }
  const path = `${paths.web}/scale`
  const scale = await ok('admin', 'GET', path)
  const answer = await stage.raw(
    'admin',
    'PUT',
    path,
    { ...scale, spec: { replicas: 3 } },
    { headers: controller },
  )
  assert.equal(answer.status, 200, answer.text)
})

test('everybody may ask what they may', async () => {
  const { stdout } = await stage.must('alice', ['auth', 'can-i', 'delete', 'deployments', '-n', 'shop'])
  assert.equal(stdout.trim(), 'yes')
  await stage.must('alice', ['auth', 'whoami'])
})

test('a cluster that starts cold, with its data, the webhook registered and no guard, comes up and works', async () => {
  await stage.plane.stopApiServer()
  await stage.plane.restartEtcd()
  await stage.plane.startApiServer()
  await stage.plane.restartControllerManager()
  await stage.must('alice', ['create', 'namespace', 'dawn'])
  await stage.must('alice', ['create', 'deployment', 'first', '-n', 'dawn', '--image=x'])
  await stage.eventually('its Pods are there', async () => {
    const { items } = await ok('alice', 'GET', '/api/v1/namespaces/dawn/pods')
    return items.length > 0
  })
  assert.match(
    (await stage.kubectl('alice', ['annotate', '-n', 'shop', 'cm/web', 'a=b'])).stderr,
    /failed calling webhook/,
  )
  await stage.guard.start()
  await stage.guard.ready()
  await stage.eventually('the guard refuses by itself', async () =>
    /rule declared/.test((await stage.kubectl('alice', ['annotate', '-n', 'shop', 'cm/web', 'a=b'])).stderr),
  )
})
