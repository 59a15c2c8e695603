import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, test } from 'node:test'
import { parse } from 'yaml'
import { Shop } from '../../src/demo/shop.ts'
import { freePort } from '../control-plane/free-port.ts'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { runCommand } from '../control-plane/run-command.ts'
import { builtCli } from '../e2e/built-cli.ts'
import { Chat } from '../e2e/chat.ts'
import { GuardRun } from '../e2e/guard-run.ts'
import { until } from '../e2e/until.ts'

const AGENT = 'system:serviceaccount:ci:deployer'
const OPERATOR = 'system:serviceaccount:ops:updater'
const IMAGE = 'ghcr.io/stefanprodan/podinfo'

let plane: ControlPlane
let guard: GuardRun
let config: string
const chat = new Chat()
let shop: Shop

/** A day's work of the operator, with values of its own each time. */
const work = (n: number): string[][] => [
  ['-n', 'shop', 'set', 'image', 'deployment/web', `podinfo=${IMAGE}:6.9.${n}`],
  ['-n', 'shop', 'annotate', '--overwrite', 'deployment/web', `updater.ops/checked=${n}`],
  ['-n', 'shop', 'patch', 'configmap', 'web', '--type=merge', '-p', `{"data":{"BUILD":"${n}"}}`],
  [
    '-n',
    'shop',
    'patch',
    'service',
    'web',
    '--type=merge',
    '-p',
    '{"metadata":{"finalizers":["ops.dev/x"]}}',
  ],
]

before(async () => {
  await chat.open()
  plane = await startControlPlane()
  shop = await Shop.create(join(plane.dir, 'shop'))
  for (const [namespace, name] of [
    ['ci', 'deployer'],
    ['ops', 'updater'],
    ['gitops-guard', 'gitops-guard'],
  ] as const)
    await plane.serviceAccount(namespace, name, { clusterAdmin: true })
  await must(AGENT, ['apply', '--server-side', '-f', join(shop.directory, 'prod/namespace.yaml')])
  await must(AGENT, ['apply', '--server-side', '-R', '-f', join(shop.directory, 'prod')])
  config = join(plane.dir, 'config.yaml')
  await configure('audit')
  guard = new GuardRun({
    config,
    kubeconfig: plane.kubeconfig('system:serviceaccount:gitops-guard:gitops-guard'),
    ports: { https: await freePort(), http: await freePort() },
    logFile: join(plane.dir, 'guard.log'),
    env: { SLACK_URL: chat.url },
  })
  await guard.start()
  await until('the webhook is registered', async () => {
    const { status } = await plane.api(
      'GET',
      '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/gitops-guard',
    )
    return status === 200
  })
  // A dry-run is asked about like any write, and leaves no record.
  await until('reviews arrive', async () => {
    await must('alice', ['-n', 'shop', 'annotate', 'configmap/web', 'a=b', '--dry-run=server'])
    return (await guard.metric('reviews_total')) > 0
  })
})

after(async () => {
  await guard?.end('SIGKILL')
  await plane?.stop()
  chat.close()
})

async function configure(mode: string, allow = ''): Promise<void> {
  const text = `apiVersion: gitops-guard.dev/v1alpha1
kind: GuardConfig
mode: ${mode}
stateDir: ${join(plane.dir, 'state')}
sources:
  - { name: shop, repository: ${shop.directory}, ref: { branch: main }, path: prod }
agents:
  - user: ${AGENT}
notify:
  - slack: { url: { env: SLACK_URL } }
`
  await writeFile(config, text + allow)
}

async function must(user: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await plane.kubectl(user, args)
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')} as ${user}: ${stderr.trim()}`)
  return stdout
}

async function suggest(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(process.execPath, [await builtCli(), 'suggest', ...args])
  assert.equal(code, 0, stderr)
  return stdout
}

async function inForce(times: number): Promise<void> {
  await until(
    'the new configuration is in force',
    async () =>
      (await guard.log()).filter(({ msg }) => msg === 'the new configuration is in force').length >= times,
  )
}

let proposal = ''

test('propose what an operator wrote in audit mode, across restarts, and nothing of a person', async () => {
  for (const args of [...work(1), ...work(2)]) await must(OPERATOR, args)
  await must('alice', ['-n', 'shop', 'scale', 'deployment/web', '--replicas=7'])
  await must('alice', ['-n', 'shop', 'annotate', 'configmap/web', 'alice=1'])
  await guard.end('SIGTERM')
  await guard.start()
  proposal = await suggest('--url', guard.url, '--config', config)
  assert.doesNotMatch(proposal, /alice|replicas/)
  const { allow, agents } = parse(proposal) as {
    allow: { fields: string[]; ops?: string[] }[]
    agents: unknown
  }
  assert.equal(agents, undefined)
  assert.deepEqual(
    allow.flatMap(({ fields, ops }) => fields.map((field) => `${ops?.join() ?? 'all'} ${field}`)).toSorted(),
    [
      'add /data/BUILD',
      'add /metadata/annotations/updater.ops~1checked',
      'add /metadata/finalizers/ops.dev~1x',
      'replace /spec/template/spec/containers/[name=podinfo]/image',
    ],
  )
  assert.match(proposal, /# seen 2 times, last \S+Z, such as Deployment shop\/web/)
  // The file says the same without a guard.
  assert.equal(await suggest('--state-dir', join(plane.dir, 'state'), '--config', config), proposal)
  const file = await readFile(join(plane.dir, 'state', 'writers.json'), 'utf8')
  assert.doesNotMatch(file, /alice|6\.9\./)
})

test('say who will be refused before anybody is, when the configuration goes over to enforce', async () => {
  await configure('enforce')
  await inForce(1)
  const told = await guard.logged('the preview', ({ rule }) => rule === 'enforce-preview')
  assert.match(JSON.stringify(told['refused']), /~ system:serviceaccount:ops:updater {2}Deployment shop\/web/)
  assert.doesNotMatch(JSON.stringify(told['refused']), /alice/)
  await chat.told('enforces from now on', 'gitops-guard suggest')
  const { code, stderr } = await plane.kubectl(OPERATOR, work(3)[0]!)
  assert.notEqual(code, 0)
  assert.match(stderr, /gitops-guard/)
})

test('let the operator do its work under enforce with the proposal alone, and refuse alice', async () => {
  await configure('enforce', proposal)
  await inForce(2)
  for (const args of work(4)) await must(OPERATOR, args)
  const image = [
    '-n',
    'shop',
    'get',
    'deployment/web',
    '-o',
    'jsonpath={.spec.template.spec.containers[0].image}',
  ]
  await sleep(2000)
  assert.equal(await must('admin', image), `${IMAGE}:6.9.4`)
  // Not 7: the autoscaler may not have taken back yet what alice scaled to under audit.
  for (const args of [...work(5), ['-n', 'shop', 'scale', 'deployment/web', '--replicas=9']]) {
    if (args.includes('service')) continue
    assert.notEqual((await plane.kubectl('alice', args)).code, 0, args.join(' '))
  }
  const { code } = await plane.kubectl(OPERATOR, ['-n', 'shop', 'scale', 'deployment/web', '--replicas=9'])
  assert.notEqual(code, 0)
  assert.match(await suggest('--url', guard.url, '--config', config), /^# Nothing was seen/)
})
