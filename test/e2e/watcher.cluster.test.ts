/** What the watcher puts back, what it only tells, and what it leaves to the agent. Nobody here is seen by the webhook. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { TestRepository } from '../git/test-repository.ts'
import type { GuardRun } from './guard-run.ts'
import { configMap, deployment, inNamespace, namespace } from './manifests.ts'
import { AGENT, Stage } from './stage.ts'
import { until } from './until.ts'

const SECRET = 'push-secret'
const CORE = '/api/v1/namespaces'
const WEB = '/apis/apps/v1/namespaces/shop/deployments/web'
const WIDGETS = '/apis/example.com/v1/namespaces/things/widgets'

let stage: Stage
let shop: TestRepository
let pushed: TestRepository
let guard: GuardRun

before(async () => {
  stage = await Stage.open()
  shop = stage.repository()
  pushed = stage.repository()
  const declared = {
    shop: [
      deployment('web'),
      configMap('web', { color: 'blue', size: 'small' }),
      configMap('next', { step: '1' }),
    ],
    quiet: [configMap('quiet')],
    strict: [configMap('strict')],
    things: [],
  }
  for (const [name, manifests] of Object.entries(declared)) {
    shop.write(`${name}/namespace.yaml`, namespace(name))
    shop.write(`${name}/all.yaml`, manifests.join('---\n') || '# nothing yet\n')
  }
  shop.write('things/widget.yaml', WIDGET)
  stage.settledCommit(shop)
  pushed.write('namespace.yaml', namespace('pushed'))
  pushed.write('app.yaml', configMap('app', { step: '1' }))
  stage.settledCommit(pushed)
  await stage.apply(
    ...Object.keys(declared).map(namespace),
    namespace('pushed'),
    ...Object.entries(declared).flatMap(([name, manifests]) =>
      manifests.map((manifest) => inNamespace(name, manifest)),
    ),
    inNamespace('pushed', configMap('app', { step: '1' })),
  )
  const source = (name: string, more = '') =>
    `  - { name: ${name}, repository: ${shop.path}, ref: { branch: main }, path: ${name}, namespace: ${name}, poll: 1s${more} }\n`
  guard = await stage.guard(
    'guard',
    `mode: enforce
sources:
${source('shop')}${source('quiet', ', heal: alert')}${source('strict', ', undeclared: deny')}${source('things')}
  - { name: pushed, repository: ${pushed.path}, ref: { branch: main }, namespace: pushed, poll: 1h }
agents:
  - { user: ${AGENT}, managers: [deployer] }
gitWebhook: { secret: { env: PUSH_SECRET } }
notify:
  - slack: { url: { env: SLACK_URL } }
`,
    { PUSH_SECRET: SECRET },
  )
  await guard.start()
})

after(() => stage.close())

const WIDGET = `apiVersion: example.com/v1
kind: Widget
metadata:
  name: one
spec:
  size: 3
`

const WIDGET_KIND = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.example.com
spec:
  group: example.com
  names: { kind: Widget, plural: widgets, singular: widget }
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                size: { type: integer }
                color: { type: string }
`

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Test = (object: any) => boolean

async function becomes(path: string, what: string, test: Test, ms = 20_000): Promise<void> {
  await until(
    `${path}: ${what}`,
    async () => {
      const object = await stage.get(path)
      return object !== undefined && test(object)
    },
    { ms, seen: async () => stage.get(path) },
  )
}

/** The agent's applied fields and nobody else's, except status: a repair leaves no trace. */
const onlyAgents: Test = ({ metadata }) =>
  metadata.managedFields
    .filter(({ subresource }: { subresource?: string }) => subresource === undefined)
    .every(({ manager }: { manager: string }) => ['deployer', 'kube-controller-manager'].includes(manager))

test('puts back a changed image, an added container, an added label, a removed key', async () => {
  const container = { spec: { template: { spec: { containers: [{ name: 'miner', image: 'evil:1' }] } } } }
  const attempts: [string[], string, Test][] = [
    [
      ['set', 'image', 'deployment/web', 'app=evil:1'],
      WEB,
      ({ spec }) => spec.template.spec.containers[0].image === 'web:1',
    ],
    [
      ['patch', 'deployment/web', '-p', JSON.stringify(container)],
      WEB,
      ({ spec }) => spec.template.spec.containers.length === 1,
    ],
    [['label', 'deployment/web', 'by=somebody'], WEB, ({ metadata }) => metadata.labels === undefined],
    [
      ['patch', 'configmap/web', '--type=merge', '-p', '{"data":{"color":null}}'],
      `${CORE}/shop/configmaps/web`,
      ({ data }) => data.color === 'blue',
    ],
  ]
  for (const [args, path, isBack] of attempts) {
    await stage.unseen(['-n', 'shop', ...args])
    await becomes(
      path,
      `is back after kubectl ${args.join(' ')}`,
      (object) => isBack(object) && onlyAgents(object),
    )
  }
  assert.ok((await guard.metric('drift_repaired_total', { source: 'shop' })) >= attempts.length)
})

test('makes a deleted object anew, as the agent would', async () => {
  await stage.unseen(['-n', 'shop', 'delete', 'configmap/web'])
  await becomes(`${CORE}/shop/configmaps/web`, 'is there', ({ data }) => data.size === 'small')
})

test('removes what Git does not name where the source wants that, and nothing elsewhere', async () => {
  await stage.unseen(['-n', 'shop', 'create', 'configmap', 'guest'])
  await stage.unseen(['-n', 'strict', 'create', 'configmap', 'guest'])
  await until(
    'strict has no guest',
    async () => (await stage.get(`${CORE}/strict/configmaps/guest`)) === undefined,
  )
  assert.ok(await stage.get(`${CORE}/strict/configmaps/kube-root-ca.crt`), 'what the cluster makes stays')
  assert.ok(await stage.get(`${CORE}/shop/configmaps/guest`))
})

test('only tells of drift where heal is alert', async () => {
  await stage.unseen(['-n', 'quiet', 'label', 'configmap/quiet', 'by=somebody'])
  await stage.chat.told('quiet/quiet', 'by')
  await until(
    'drift is counted',
    async () => (await guard.metric('drift_found_total', { source: 'quiet' })) === 1,
  )
  assert.equal((await stage.get(`${CORE}/quiet/configmaps/quiet`)).metadata.labels.by, 'somebody')
  assert.equal(await guard.metric('drift_repaired_total', { source: 'quiet' }), 0)
})

test('guards a custom resource as soon as its kind comes', async () => {
  await guard.says(/\[-\] kind\/example\.com\/Widget: Git declares it/)
  await stage.apply(WIDGET_KIND)
  await becomes(`${WIDGETS}/one`, 'is made', ({ spec }) => spec.size === 3, 40_000)
  await stage.unseen([
    '-n',
    'things',
    'patch',
    'widget/one',
    '--type=merge',
    '-p',
    '{"spec":{"size":4,"color":"red"}}',
  ])
  await becomes(`${WIDGETS}/one`, 'is back', ({ spec }) => spec.size === 3 && spec.color === undefined)
  const { code, stderr } = await stage.alice(['-n', 'things', 'delete', 'widget/one', '--wait=false'])
  assert.equal(code, 1)
  assert.match(stderr, /alice may not delete Widget(\.example\.com)? things\/one/)
  assert.doesNotMatch(await guard.readyz(), /kind\/example\.com/)
})

test('leaves no trace: a field that Git drops goes when the agent applies, after a repair too', async () => {
  await stage.unseen([
    '-n',
    'shop',
    'patch',
    'configmap/web',
    '--type=merge',
    '-p',
    '{"data":{"size":"big"}}',
  ])
  const path = `${CORE}/shop/configmaps/web`
  await becomes(path, 'is back', (object) => object.data.size === 'small' && onlyAgents(object))
  const manifests = [deployment('web'), configMap('web', { color: 'blue' }), configMap('next', { step: '1' })]
  shop.write('shop/all.yaml', manifests.join('---\n'))
  const revision = shop.commit('No size any more')
  await until('the guard has read it', () => reads('shop', revision))
  await stage.apply(inNamespace('shop', configMap('web', { color: 'blue' })))
  await becomes(path, 'has no size', ({ data }) => data.size === undefined && data.color === 'blue')
})

async function reads(source: string, revision: string): Promise<boolean> {
  return (await guard.metric('git_revision_info', { source, revision })) === 1
}

function steps(step: string): string {
  return [deployment('web'), configMap('web', { color: 'blue' }), configMap('next', { step })].join('---\n')
}

test('waits for the agent when Git is first, and does not bring the commit in itself', async () => {
  const path = `${CORE}/shop/configmaps/next`
  shop.write('shop/all.yaml', steps('2'))
  const revision = shop.commit('Step 2')
  await until('the guard has read it', () => reads('shop', revision))
  await until('it is pending', async () => (await guard.metric('objects', { status: 'pending' })) === 1)
  assert.equal((await stage.get(path)).data.step, '1')
  await stage.apply(inNamespace('shop', configMap('next', { step: '2' })))
  await until('nothing is pending', async () => (await guard.metric('objects', { status: 'pending' })) === 0)
  assert.equal((await stage.get(path)).data.step, '2')
})

test('never takes back a commit that the agent brought in before the guard read it', async () => {
  const path = `${CORE}/pushed/configmaps/app`
  const repairs = await guard.metric('drift_repaired_total', { source: 'pushed' })
  pushed.write('app.yaml', configMap('app', { step: '2' }))
  const revision = pushed.commit('Step 2')
  await stage.apply(inNamespace('pushed', configMap('app', { step: '2' })))
  const { resourceVersion } = (await stage.get(path)).metadata
  // It polls once an hour: it has asked Git because of the change.
  await until('the guard has read it', () => reads('pushed', revision))
  await until('it is at peace', async () => (await guard.metric('objects', { status: 'pending' })) === 0)
  const now = await stage.get(path)
  assert.equal(now.data.step, '2')
  assert.equal(now.metadata.resourceVersion, resourceVersion, 'somebody wrote it in between')
  assert.equal(await guard.metric('drift_repaired_total', { source: 'pushed' }), repairs)
})

test('reads Git when a signed push tells of it, and takes no other call', async () => {
  pushed.write('app.yaml', configMap('app', { step: '3' }))
  const revision = pushed.commit('Step 3')
  const body = JSON.stringify({ ref: 'refs/heads/main', repository: { clone_url: pushed.path } })
  const call = (secret: string) =>
    fetch(`${guard.url}/git`, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'push',
        'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
      },
    })
  assert.equal((await call('guessed')).status, 403)
  assert.equal(await reads('pushed', revision), false)
  const answer = await call(SECRET)
  assert.equal(answer.status, 202)
  assert.match(await answer.text(), /pushed/)
  await until('the guard has read it', () => reads('pushed', revision))
})
