/** What was violated, asked for by the command in each of its ways, and who may ask; on a real API server. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Violation } from '../../src/model/violation.ts'
import type { GuardRun } from '../e2e/guard-run.ts'
import { configMap, deployment, inNamespace, namespace } from '../e2e/manifests.ts'
import { AGENT, Stage } from '../e2e/stage.ts'
import { until } from '../e2e/until.ts'

const LOGIN = `apiVersion: v1
kind: Secret
metadata:
  name: login
stringData: { password: hunter2 }
`

let stage: Stage
let guard: GuardRun
/** An address of this machine at which the API server, as a cluster's would, reaches what is behind its proxy. */
const address = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address

before(async () => {
  stage = await Stage.open()
  const repository = stage.repository()
  repository.write('prod/namespace.yaml', namespace('shop'))
  repository.write('prod/web.yaml', [deployment('web'), configMap('web')].join('---\n'))
  repository.write('prod/login.yaml', LOGIN)
  stage.settledCommit(repository)
  guard = await stage.guard(
    'guard',
    `mode: enforce
sources:
  - { name: shop, repository: ${repository.path}, ref: { branch: main }, path: prod, namespace: shop, poll: 1s }
agents:
  - { user: ${AGENT}, managers: [deployer] }
`,
  )
  await stage.apply(
    namespace('shop'),
    ...[deployment('web'), configMap('web'), LOGIN].map((text) => inNamespace('shop', text)),
  )
  await guard.start()
  const denied = ['-n', 'shop', 'set', 'image', 'deployment/web', 'app=evil:1']
  await until('alice is refused', async () => (await stage.alice(denied)).code !== 0)
  const stolen = Buffer.from('stolen').toString('base64')
  await stage.alice(['-n', 'shop', 'patch', 'secret/login', '-p', `{"data":{"password":"${stolen}"}}`])
  await stage.unseen(['-n', 'shop', 'patch', 'configmap/web', '-p', '{"data":{"key":"drifted"}}'])
  await until('the drift is put back', async () => (await guard.metric('drift_repaired_total')) > 0)
})

after(() => stage.close())

function run(args: string[]) {
  return stage.cli(['violations', ...args])
}

async function found(args: string[]): Promise<Violation[]> {
  const { code, stdout, stderr } = await run([...args, '-o', 'json'])
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout).violations
}

test('tell who was refused what and what was put back, Secrets masked', async () => {
  const list = await found([`--url=${guard.url}`, '--since=1h'])
  const image = list.find(({ object, event }) => object.kind === 'Deployment' && event === 'denied')
  assert.equal(image?.actor.username, 'alice')
  assert.deepEqual(image?.changes, [
    { path: '/spec/template/spec/containers/0/image', op: 'replace', desired: 'web:1', live: 'evil:1' },
  ])
  assert.ok(list.some(({ object, event }) => object.kind === 'ConfigMap' && event === 'repaired'))
  const text = JSON.stringify(list)
  assert.ok(list.some(({ object }) => object.kind === 'Secret'))
  assert.doesNotMatch(text, /hunter2|stolen|aHVudGVyMg|c3RvbGVu/)
})

test('print lines for people: who, what, where', async () => {
  const text = await run([`--url=${guard.url}`, 'deploy/web', '-n', 'shop'])
  assert.match(text.stdout, /^TIME +EVENT +USER +OBJECT +CHANGE$/m)
  assert.match(
    text.stdout,
    /Z {2}denied +alice +Deployment shop\/web +spec\.template\.spec\.containers\[0\]\.image: web:1 → evil:1$/m,
  )
  assert.doesNotMatch(text.stdout, /ConfigMap/)
  const wide = await run([`--url=${guard.url}`, 'deploy/web', '-o', 'wide'])
  assert.match(wide.stdout, /prod\/web\.yaml:\d+@[0-9a-f]{7}/)
})

test('keep what was violated through a SIGKILL, and read it without a guard', async () => {
  const before = await found([`--url=${guard.url}`])
  assert.ok(before.length >= 3)
  await guard.end('SIGKILL')
  const stateDir = `--state-dir=${join(stage.dir, 'guard', 'state')}`
  assert.deepEqual(await found([stateDir]), before)
  assert.equal((await found([stateDir, '--user=alice', '--event', 'denied', '--limit=1'])).length, 1)
  assert.deepEqual(await found([stateDir, '--source=other']), [])
  await guard.start()
  const again = await found([`--url=${guard.url}`])
  assert.deepEqual(again.slice(-before.length), before)
})

test('show the real guard on the dashboard: sources, objects, one object, what happened, Events on it', async () => {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  const ask = async (path: string): Promise<any> => await (await fetch(`${guard.url}/api/${path}`)).json()
  const overview = await ask('overview')
  assert.deepEqual([overview.ready, overview.objects], [true, { inSync: 4 }])
  const [source] = overview.sources
  assert.deepEqual([source.name, source.ref, source.path, source.objects], ['shop', 'branch main', 'prod', 4])
  const { objects, total } = await ask('objects?q=deployment+web')
  const web = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' }
  assert.deepEqual([total, objects], [4, [{ ref: web, status: 'inSync', source: 'shop' }]])
  const one = await ask(`object?${new URLSearchParams(web).toString()}`)
  assert.deepEqual([one.status, one.origin.file, one.origin.line], ['inSync', 'prod/web.yaml', 1])
  assert.equal((await fetch(`${guard.url}/api/object?group=&kind=Pod&namespace=shop&name=x`)).status, 404)
  const activity = await ask('activity?ms=3600000')
  assert.equal(activity.people.find(({ name }: { name: string }) => name === 'alice').name, 'alice')
  assert.match(await (await fetch(guard.url)).text(), /<title>GitOps Guard/)
  const { stdout } = await stage.alice(['-n', 'shop', 'describe', 'deployment', 'web'])
  assert.match(stdout, /Warning +GitOpsDenied .*alice may not change Deployment shop\/web/)
})

test('serve every metric that deploy/monitoring names', async () => {
  const metrics = await (await fetch(`${guard.url}/metrics`)).text()
  const served = new Set([...metrics.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name))
  for (const file of ['prometheus-rule.yaml', 'grafana-dashboard.json']) {
    const text = readFileSync(new URL(`../../deploy/monitoring/${file}`, import.meta.url), 'utf8')
    const named = new Set(text.match(/\b(gitops_guard|process)_[a-z_]+/g))
    assert.ok(named.size > 8)
    for (const name of named)
      assert.ok(served.has(name.replace(/_(bucket|sum|count)$/, '')), `${name} in ${file}`)
  }
})

test('say what is wrong with a question', async () => {
  for (const [args, message] of [
    [['--since=soon'], /--since is a duration/],
    [['--event', 'refused'], /--event is one of denied, /],
    [['web'], /name an object as kind\/name/],
    [['--limit=0'], /--limit/],
  ] as [string[], RegExp][]) {
    const { code, stderr } = await run([`--url=${guard.url}`, ...args])
    assert.equal(code, 2)
    assert.match(stderr, message)
  }
  assert.equal((await fetch(`${guard.url}/violations?since=soon`)).status, 400)
})

test(
  'show nothing that names people to who brings no token, and who may not',
  { skip: address === undefined },
  async () => {
    const elsewhere = guard.url.replace('127.0.0.1', address!)
    const status = async (token?: string) =>
      (
        await fetch(`${elsewhere}/violations`, {
          headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        })
      ).status
    assert.equal(await status(), 401)
    assert.equal(await status('nobody'), 401)
    assert.equal((await fetch(`${elsewhere}/healthz`)).status, 200)
    const { status: created } = await stage.plane.api('POST', '/api/v1/namespaces/shop/serviceaccounts', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'viewer' },
    })
    assert.equal(created, 201)
    const minted = await stage.plane.kubectl('admin', ['-n', 'shop', 'create', 'token', 'viewer'])
    const token = minted.stdout.trim()
    assert.equal(await status(token), 403)
    const applied = await stage.plane.kubectl('admin', ['apply', '-f', '-'], {
      stdin: `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: see }
rules: [{ apiGroups: [gitops-guard.dev], resources: [violations], verbs: [get] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: see }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: see }
subjects: [{ kind: ServiceAccount, name: viewer, namespace: shop }]
`,
    })
    assert.equal(applied.code, 0, applied.stderr)
    // What was said of a token is believed for half a minute: another token is asked about anew.
    const fresh = await stage.plane.kubectl('admin', [
      '-n',
      'shop',
      'create',
      'token',
      'viewer',
      '--duration=20m',
    ])
    await until('the role counts', async () => {
      const { body } = await stage.plane.api('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: {
          user: 'system:serviceaccount:shop:viewer',
          resourceAttributes: { group: 'gitops-guard.dev', resource: 'violations', verb: 'get' },
        },
      })
      return body.status.allowed
    })
    assert.equal(await status(fresh.stdout.trim()), 200)
    const file = join(stage.dir, 'token')
    writeFileSync(file, fresh.stdout)
    assert.ok((await found([`--url=${elsewhere}`, `--token-file=${file}`])).length > 0)
    const none = await run([`--url=${elsewhere}`])
    assert.equal(none.code, 2)
    assert.match(none.stderr, /wants a token/)
  },
)

test(
  'reach the guard through the API server, with the right to read its view token',
  { skip: address === undefined },
  async () => {
    const { port } = new URL(guard.url)
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'gitops-guard', namespace: 'gitops-guard' },
      spec: { ports: [{ name: 'http', port: 8080, targetPort: Number(port) }] },
    }
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'gitops-guard-0', namespace: 'gitops-guard' },
      spec: {
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name: 'guard',
            image: 'guard:1',
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          },
        ],
      },
    }
    // The API server proxies to addresses of Pods only.
    const targetRef = { kind: 'Pod', namespace: 'gitops-guard', name: 'gitops-guard-0' }
    const endpoints = {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'gitops-guard', namespace: 'gitops-guard' },
      subsets: [{ addresses: [{ ip: address!, targetRef }], ports: [{ name: 'http', port: Number(port) }] }],
    }
    // The guard keeps people out of its namespace: its own account, whom the webhook is not asked about, makes them.
    const items = [service, pod, endpoints]
    await stage.unseen(['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    const status = JSON.stringify({ status: { phase: 'Running', podIP: address, podIPs: [{ ip: address }] } })
    await stage.unseen([
      '-n',
      'gitops-guard',
      'patch',
      'pod',
      'gitops-guard-0',
      '--subresource=status',
      '-p',
      status,
    ])
    const alice = `--kubeconfig=${stage.plane.kubeconfig('alice')}`
    let seen = ''
    await until(
      'the service is reached',
      async () => {
        const { code, stdout, stderr } = await run([alice])
        seen = stdout + stderr
        return code === 0
      },
      { ms: 20_000, seen: () => Promise.resolve(seen) },
    )
    assert.match(seen, /denied +alice +Deployment shop\/web/)
    const told = await stage.cli(['status', alice])
    assert.equal(told.code, 0, told.stderr)
    assert.match(told.stdout, /^source shop at [0-9a-f]{12}: 4 objects/)
    const base = '/api/v1/namespaces/gitops-guard/services/gitops-guard:http/proxy'
    assert.equal((await stage.plane.api('GET', `${base}/violations`)).status, 401)
  },
)
