/** The commands, bundled as people run them: what they print, how they exit, what their errors say to do. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { freePort } from '../control-plane/free-port.ts'
import type { TestRepository } from '../git/test-repository.ts'
import type { GuardRun } from './guard-run.ts'
import { configMap, deployment, inNamespace, namespace } from './manifests.ts'
import { AGENT, Stage } from './stage.ts'
import { until } from './until.ts'

const SECRET = `apiVersion: v1
kind: Secret
metadata:
  name: login
stringData:
  password: hunter2
  flag: "on"
`

let stage: Stage
let repository: TestRepository
let guard: GuardRun
let config: string
let revision: string

before(async () => {
  stage = await Stage.open()
  repository = stage.repository()
  repository.write('prod/namespace.yaml', namespace('shop'))
  repository.write('prod/web.yaml', [deployment('web'), configMap('web')].join('---\n'))
  repository.write('prod/login.yaml', SECRET)
  revision = stage.settledCommit(repository)
  const text = `mode: enforce
heal: alert
sources:
  - { name: shop, repository: ${repository.path}, ref: { branch: main }, path: prod, namespace: shop, poll: 1s }
agents:
  - { user: ${AGENT}, managers: [deployer] }
`
  guard = await stage.guard('guard', text)
  config = stage.config('cli', text)
  await stage.apply(
    namespace('shop'),
    ...[deployment('web'), configMap('web'), SECRET].map((manifest) => inNamespace('shop', manifest)),
  )
  await guard.start()
})

after(() => stage.close())

function run(args: string[], env: Record<string, string> = {}) {
  return stage.cli([...args, `--config=${config}`, `--kubeconfig=${stage.plane.kubeconfig('alice')}`], env)
}

test('diff exits 0 without drift and says that all is in sync', async () => {
  const { code, stdout, stderr } = await run(['diff'])
  assert.equal(code, 0, stdout + stderr)
  assert.match(stdout, /4 inSync/)
})

test('diff exits 1 with drift and prints it as its contract says, Secrets masked', async () => {
  await stage.unseen(['-n', 'shop', 'set', 'image', 'deployment/web', 'app=evil:1'])
  await stage.unseen(['-n', 'shop', 'delete', 'configmap/web'])
  const stolen = Buffer.from('stolen').toString('base64')
  await stage.unseen(['-n', 'shop', 'patch', 'secret/login', '-p', `{"data":{"password":"${stolen}"}}`])
  const { code, stdout, stderr } = await run(['diff', '-o', 'json'])
  assert.equal(code, 1, stderr)
  assert.doesNotMatch(stdout, /hunter2|stolen|aHVudGVyMg|c3RvbGVu/)
  const { sources, objects } = JSON.parse(stdout)
  assert.deepEqual(sources, [{ name: 'shop', revision }])
  const named = new Map(objects.map((object: { kind: string }) => [object.kind, object]))
  const changed = (path: string) => [{ path, op: 'replace', desired: 'web:1', live: 'evil:1' }]
  assert.deepEqual(named.get('Deployment'), {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace: 'shop',
    name: 'web',
    status: 'modified',
    origin: { file: 'prod/web.yaml', line: 1 },
    changes: changed('/spec/template/spec/containers/0/image'),
  })
  assert.deepEqual(named.get('ConfigMap'), {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: 'shop',
    name: 'web',
    status: 'missing',
    origin: { file: 'prod/web.yaml', line: 19 },
    changes: [],
  })
  const secret = named.get('Secret') as { status: string; changes: { path: string; op: string }[] }
  assert.equal(secret.status, 'modified')
  assert.deepEqual(
    secret.changes.map(({ path, op }) => [path, op]),
    [['/data/password', 'replace']],
  )
  assert.equal((named.get('Namespace') as { status: string }).status, 'inSync')
  const text = await run(['diff'])
  assert.equal(text.code, 1)
  assert.match(text.stdout, /^modified {2}Deployment shop\/web {2}prod\/web\.yaml:1$/m)
  assert.match(text.stdout, /web:1.*evil:1/)
})

test('diff of a checkout says what merging it does, as a comment for its pull request', async () => {
  const checkout = join(stage.plane.dir, 'pull-request')
  const git = (...args: string[]) => execFileSync('git', args, { cwd: checkout, stdio: 'pipe' })
  execFileSync('git', ['clone', '--quiet', repository.path, checkout], { stdio: 'pipe' })
  writeFileSync(join(checkout, 'prod/web.yaml'), deployment('web').replace('web:1', 'web:2'))
  git('rm', '--quiet', 'prod/login.yaml')
  git('-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--quiet', '-am', 'Two')
  const { code, stdout, stderr } = await run(['diff', '--checkout', checkout, '-o', 'markdown'])
  assert.equal(code, 1, stderr)
  assert.match(stdout, /^<!-- gitops-guard diff -->\n### In the cluster: .*1 no longer declared/)
  assert.match(stdout, /image: evil:1 → web:2/)
  const { objects } = JSON.parse((await run(['diff', '--checkout', checkout, '-o', 'json'])).stdout)
  const secret = objects.find((object: { kind: string }) => object.kind === 'Secret')
  assert.equal(secret.status, 'undeclared')
  const nowhere = await run(['diff', '--checkout', '/nowhere'])
  assert.equal(nowhere.code, 2)
  assert.match(nowhere.stderr, /\/nowhere is no Git checkout/)
})

test('render prints what kubectl can apply, and the same as JSON', async () => {
  const text = await run(['render', '--show-secrets'])
  assert.equal(text.code, 0, text.stderr)
  const applied = await stage.plane.kubectl(
    AGENT,
    ['apply', '--server-side', '--force-conflicts', '-f', '-'],
    {
      stdin: text.stdout,
    },
  )
  assert.equal(applied.code, 0, applied.stderr)
  const { data } = await stage.get('/api/v1/namespaces/shop/secrets/login')
  assert.deepEqual(data, { password: btoa('hunter2'), flag: btoa('on') })
  assert.equal((await run(['diff'])).code, 0)
  const { stdout } = await run(['render', '-o', 'json'])
  assert.doesNotMatch(stdout, /hunter2/)
  const { sources, objects, problems } = JSON.parse(stdout)
  assert.deepEqual(sources, [{ name: 'shop', revision }])
  assert.deepEqual(problems, [])
  const web = objects.find(({ manifest }: { manifest: { kind: string } }) => manifest.kind === 'ConfigMap')
  assert.equal(web.source, 'shop')
  assert.deepEqual(web.origin, { file: 'prod/web.yaml', line: 19, approximate: false })
  assert.deepEqual(web.manifest.data, { key: 'x' })
})

test('explain says who may change an object, and what would be said to somebody', async () => {
  const who = await run(['explain', 'deploy/web', '-n', 'shop'])
  assert.equal(who.code, 0, who.stderr)
  assert.match(who.stdout, /^Deployment shop\/web/)
  assert.match(who.stdout, /prod\/web\.yaml/)
  assert.ok(who.stdout.includes(AGENT))
  const scale = [
    'explain',
    'deploy/web',
    '-n',
    'shop',
    '--as',
    'alice',
    '--verb',
    'patch',
    '--set',
    '/spec/replicas=9',
  ]
  const denied = await run(scale)
  assert.equal(denied.code, 0, denied.stderr)
  assert.match(denied.stdout, /^deny: Deployment shop\/web, rule declared/)
  assert.match(denied.stdout, /alice may not change Deployment shop\/web \(spec\.replicas 2 → 9\)/)
  const agent = await run([...scale.slice(0, 4), '--as', AGENT, '--set', '/spec/replicas=9', '-o', 'json'])
  assert.equal(JSON.parse(agent.stdout).decision, 'allow')
})

test('status tells what a running guard knows', async () => {
  const text = await run(['status', `--url=${guard.url}`])
  assert.equal(text.code, 0, text.stderr)
  assert.match(text.stdout, new RegExp(`source shop at ${revision.slice(0, 12)}: 4 objects`))
  assert.match(text.stdout, /^ready/m)
  const { stdout } = await run(['status', `--url=${guard.url}`, '-o', 'json'])
  const { ready, sources } = JSON.parse(stdout)
  assert.equal(ready, true)
  const [{ committedAt, fetchedAt, ...source }] = sources
  assert.deepEqual([source, sources.length], [{ name: 'shop', revision, objects: 4, problems: 0 }, 1])
  assert.ok(Date.parse(committedAt) < Date.parse(fetchedAt))
})

test('break-glass lets people change by hand what it names until it is closed', async () => {
  const label = (...more: string[]) => stage.alice(['-n', 'shop', 'label', 'configmap/web', ...more])
  assert.equal((await label('by=alice')).code, 1)
  const opened = await run([
    'break-glass',
    'cm/web',
    '-n',
    'shop',
    '--reason',
    'INC-7',
    '--for',
    '5m',
    '-o',
    'json',
  ])
  assert.equal(opened.code, 0, opened.stderr)
  const { name, objects } = JSON.parse(opened.stdout)
  assert.deepEqual(objects, [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'web' }])
  await until('the exception is open', async () => (await label('by=alice')).code === 0)
  const other = await stage.alice(['-n', 'shop', 'label', 'deployment/web', 'by=alice'])
  assert.equal(other.code, 1, 'an exception for one object covers no other')
  const renewed = await run([
    'break-glass',
    '-n',
    'shop',
    '--renew',
    name,
    '--reason',
    'INC-7',
    '--for',
    '10m',
  ])
  assert.equal(renewed.code, 0, renewed.stderr)
  assert.match(renewed.stdout, /is open until/)
  const closed = await stage.alice(['-n', 'shop', 'delete', 'breakglass', name])
  assert.equal(closed.code, 0, closed.stderr)
  await until('it is refused again', async () => (await label('by=bob', '--overwrite')).code === 1)
})

test('every command explains itself', async () => {
  const all = await stage.cli(['--help'])
  assert.equal(all.code, 0)
  const commands = [...all.stdout.matchAll(/^ {2}([a-z-]+)\b/gm)].map(([, name]) => name!)
  for (const name of [
    'serve',
    'diff',
    'render',
    'explain',
    'break-glass',
    'install',
    'uninstall',
    'status',
    'demo',
  ])
    assert.ok(commands.includes(name), `${name} is not in --help`)
  const helps = await Promise.all(
    ['serve', 'diff', 'render', 'break-glass', 'demo'].map((name) => stage.cli([name, '--help'])),
  )
  for (const { code, stdout } of helps) {
    assert.equal(code, 0)
    assert.match(stdout, /^Usage: gitops-guard /)
  }
})

test('errors exit with 2 and say what to do', async () => {
  const broken = join(stage.dir, 'broken.yaml')
  writeFileSync(
    broken,
    'apiVersion: gitops-guard.dev/v1alpha1\nkind: GuardConfig\nmode: enforced\nsources: []\n',
  )
  const nobody = join(stage.dir, 'nobody.kubeconfig')
  const port = await freePort()
  const cluster = { cluster: { server: `https://127.0.0.1:${port}` }, name: 'c' }
  const context = { context: { cluster: 'c', user: 'u' }, name: 'c' }
  writeFileSync(
    nobody,
    JSON.stringify({
      clusters: [cluster],
      contexts: [context],
      'current-context': 'c',
      users: [{ name: 'u', user: {} }],
    }),
  )
  const alice = `--kubeconfig=${stage.plane.kubeconfig('alice')}`
  const cases: [string[], RegExp][] = [
    [['diff', '--config=/nowhere.yaml', alice], /\/nowhere\.yaml: .*no such file.*--config/],
    [['diff', `--config=${broken}`, alice], /broken\.yaml:3:\d+: mode must be .*enforce/],
    [['diff', `--config=${config}`, '--kubeconfig=/nowhere'], /\/nowhere.*--kubeconfig/s],
    [
      ['diff', `--config=${config}`, `--kubeconfig=${nobody}`],
      new RegExp(`127\\.0\\.0\\.1:${port}.*--kubeconfig`, 's'),
    ],
    [['diff', `--config=${config}`, alice, '--source', 'shops'], /no source shops: there are shop/],
    [
      ['diff', `--config=${config}`, alice, '--context', 'prod'],
      /context must be one of .*: current value is prod/,
    ],
    [['explain', 'web', `--config=${config}`, alice], /kind\/name, such as deploy\/web: not web/],
    [['explain', 'depoy/web', `--config=${config}`, alice], /no kind depoy.*kubectl api-resources/],
    [['break-glass', 'cm/web', alice], /--reason/],
    [
      ['break-glass', 'cm/web', '--reason', 'x', '--for', 'long', alice],
      /--for takes a duration such as 30m: not long/,
    ],
    [['status', `--url=http://127.0.0.1:${port}`], new RegExp(`127\\.0\\.0\\.1:${port}.*--url`, 's')],
    [['serve', `--config=${config}`, alice, '--http-port=web'], /web is no port/],
    [['dif'], /unknown command 'dif'.*diff/s],
  ]
  for (const [args, told] of cases) {
    const { code, stderr } = await stage.cli(args)
    assert.match(stderr, told, args.join(' '))
    assert.equal(code, 2, args.join(' '))
    assert.doesNotMatch(stderr, /\n {4}at /, 'no stack traces')
  }
})
