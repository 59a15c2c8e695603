/** A source that the guard brings in itself, from an empty cluster on. Every Deployment here is of no replicas: nothing runs them. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { TestRepository } from '../git/test-repository.ts'
import type { GuardRun } from '../e2e/guard-run.ts'
import { configMap, deployment, namespace } from '../e2e/manifests.ts'
import { Stage } from '../e2e/stage.ts'
import { until } from '../e2e/until.ts'

const SHOP = '/api/v1/namespaces/shop'
const DEPLOYMENTS = '/apis/apps/v1/namespaces/shop/deployments'
const WIDGET = '/apis/example.com/v1/namespaces/shop/widgets/one'

let stage: Stage
let git: TestRepository
let guard: GuardRun

const DEFINITION = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.example.com
spec:
  group: example.com
  scope: Namespaced
  names: { plural: widgets, singular: widget, kind: Widget }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: { type: object, properties: { size: { type: integer } } }
`
const ROLE = `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: reader
rules:
  - { apiGroups: [""], resources: [configmaps], verbs: [get] }
`
const KEEP = `apiVersion: v1
kind: ConfigMap
metadata:
  name: precious
  annotations: { gitops-guard.dev/prune: disabled }
data: { key: x }
`

before(async () => {
  stage = await Stage.open()
  git = stage.repository()
  // What is needed comes after what needs it, in the order of the files.
  git.write(
    'shop/1-widget.yaml',
    'apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: one }\nspec: { size: 3 }\n',
  )
  git.write('shop/2-web.yaml', deployment('web', { replicas: 0 }))
  git.write('shop/3-config.yaml', configMap('config', { color: 'blue', size: 'small' }))
  git.write('shop/4-role.yaml', ROLE)
  git.write('shop/5-old.yaml', configMap('old'))
  git.write('shop/6-precious.yaml', KEEP)
  git.write('shop/8-definition.yaml', DEFINITION)
  git.write('shop/9-namespace.yaml', namespace('shop'))
  git.commit()
  guard = await stage.guard('guard', CONFIG())
  await guard.start()
})

after(() => stage.close())

const CONFIG = (more = '') => `mode: enforce
sources:
  - { name: shop, repository: ${git.path}, ref: { branch: main }, path: shop, namespace: shop, poll: 1s, sync: true${more} }
notify:
  - slack: { url: { env: SLACK_URL } }
`

interface Sync {
  state: string
  applied: string
  objects: Record<string, number>
  [list: string]: unknown
}

async function sync(): Promise<Sync> {
  const answer = await fetch(`${guard.url}/status`)
  const { sources } = (await answer.json()) as { sources: { sync: Sync }[] }
  return sources[0]!.sync
}

/** Waits until all of the newest commit is there. */
async function synced(revision: string): Promise<void> {
  const isThere = async () => {
    const { state, applied } = await sync()
    return state === 'synced' && applied === revision
  }
  await until('the commit is applied', isThere, { ms: 60_000, seen: sync })
}

/** Whose the fields are: nobody applies but the guard. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
function writers(object: any): string[] {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  return object.metadata.managedFields.map((entry: any) => `${entry.operation} ${entry.manager}`)
}

test('bring a source into an empty cluster: namespace, definition, its resource and the rest', async () => {
  await synced(git.git('rev-parse', 'HEAD'))
  assert.equal((await stage.get(WIDGET)).spec.size, 3)
  assert.deepEqual((await stage.get(`${SHOP}/configmaps/config`)).data, { color: 'blue', size: 'small' })
  assert.deepEqual(writers(await stage.get(`${SHOP}/configmaps/config`)), ['Apply gitops-guard'])
  assert.equal(await guard.metric('sync_objects', { state: 'applied' }), 8)
  assert.equal(await guard.metric('drift_found_total'), 0, 'the watcher leaves to the sync what is its')
  assert.deepEqual(stage.chat.messages, [], 'nobody is told of what goes well')
})

test('refuse a person what the guard brings in', async () => {
  const edit = await stage.alice(['-n', 'shop', 'set', 'image', 'deployment/web', 'app=evil:1'])
  assert.equal(edit.code, 1)
  assert.match(edit.stderr, /shop\/2-web\.yaml/)
  const inventory = await stage.alice(['-n', 'gitops-guard', 'delete', 'configmaps', '--all'])
  assert.equal(inventory.code, 1)
  assert.match(inventory.stderr, /part of the guard|GitOps Guard runs in namespace/)
})

test('apply a commit: a field that Git drops is gone, what it drops is deleted, but for what it keeps', async () => {
  git.write('shop/3-config.yaml', configMap('config', { color: 'red' }))
  git.git('rm', '--quiet', 'shop/5-old.yaml', 'shop/6-precious.yaml')
  await synced(git.commit())
  assert.deepEqual((await stage.get(`${SHOP}/configmaps/config`)).data, { color: 'red' })
  assert.equal(await stage.get(`${SHOP}/configmaps/old`), undefined)
  assert.deepEqual((await stage.get(`${SHOP}/configmaps/precious`)).data, { key: 'x' })
  assert.equal(await guard.metric('sync_prunes_total'), 1)
})

test('put back what somebody changes past the webhook, as the guard owns it', async () => {
  await stage.unseen(['-n', 'shop', 'set', 'image', 'deployment/web', 'app=rogue:1'])
  const image = async () => (await stage.get(`${DEPLOYMENTS}/web`)).spec.template.spec.containers[0].image
  await until('the image is back', async () => (await image()) === 'web:1')
  await until('only the guard owns what Git declares', async () => {
    const found = writers(await stage.get(`${DEPLOYMENTS}/web`))
    return found.includes('Apply gitops-guard') && !found.includes('Update gitops-guard')
  })
  git.write('shop/2-web.yaml', deployment('web', { replicas: 0, image: 'web:2' }))
  await synced(git.commit())
  assert.equal(await image(), 'web:2')
})

test('apply the rest where one object is refused, say so once, and that all is well', async () => {
  git.write('shop/2-web.yaml', deployment('web', { replicas: -1 }))
  git.write('shop/3-config.yaml', configMap('config', { color: 'green' }))
  git.git('rm', '--quiet', 'shop/4-role.yaml')
  git.commit()
  await stage.chat.told('Deployment shop/web cannot be applied', 'shop/2-web.yaml')
  await until(
    'the rest is there',
    async () => (await stage.get(`${SHOP}/configmaps/config`)).data.color === 'green',
  )
  const { state, failing, objects } = await sync()
  assert.deepEqual([state, objects['failing'], objects['applied']], ['failing', 1, 4])
  assert.match(JSON.stringify(failing), /Deployment shop\/web.*spec\.replicas/)
  const { stdout } = await stage.cli(['status', `--url=${guard.url}`])
  assert.match(stdout, /^sync shop failing: 4 of 5 objects applied/m)
  assert.match(await guard.readyz(), /sync\/shop.*Deployment shop\/web/)
  assert.ok(
    await stage.get('/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles/reader'),
    'no prune beside a failure',
  )
  const { image } = (await stage.get(`${DEPLOYMENTS}/web`)).spec.template.spec.containers[0]
  assert.equal(image, 'web:2')
  await stage.unseen(['-n', 'shop', 'set', 'image', 'deployment/web', 'app=rogue:2'])
  await until('what was there before is put back meanwhile', async () => {
    const web = await stage.get(`${DEPLOYMENTS}/web`)
    return web.spec.template.spec.containers[0].image === 'web:2'
  })
  git.write('shop/2-web.yaml', deployment('web', { replicas: 0, image: 'web:3' }))
  await synced(git.commit())
  await stage.chat.told('source shop', 'all is applied and works')
  assert.equal(await stage.get('/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles/reader'), undefined)
  const told = stage.chat.messages.filter((message) => message.includes('cannot be applied'))
  assert.equal(told.length, 1)
})

test('bring in all else while a workload is not ready', async () => {
  git.write('shop/5-slow.yaml', deployment('slow', { replicas: 1 }))
  git.write('shop/6-next.yaml', configMap('next'))
  git.commit()
  await until('what comes after it is there', () => stage.get(`${SHOP}/configmaps/next`))
  const unready = await until('it is said', async () => {
    const { unready, state } = await sync()
    return JSON.stringify(unready).includes('shop/slow') && { unready, state }
  })
  assert.match(JSON.stringify(unready), /0 of 1 replicas are (available|of the newest form)|not seen it yet/)
  assert.equal(unready.state, 'progressing')
  git.git('rm', '--quiet', 'shop/5-slow.yaml')
  await synced(git.commit())
  assert.equal(await stage.get(`${DEPLOYMENTS}/slow`), undefined)
})

test('leave what an exception covers until it ends', async () => {
  const opened = await stage.cli([
    'break-glass',
    '-n',
    'shop',
    'configmap/config',
    '--for',
    '1h',
    '--reason',
    'INC-1',
    `--kubeconfig=${stage.plane.kubeconfig('alice')}`,
  ])
  assert.equal(opened.code, 0, opened.stderr)
  const patch = JSON.stringify({ data: { color: 'by hand' } })
  await until(
    'alice may',
    async () => (await stage.alice(['-n', 'shop', 'patch', 'configmap', 'config', '-p', patch])).code === 0,
  )
  git.write('shop/3-config.yaml', configMap('config', { color: 'yellow' }))
  git.write('shop/6-next.yaml', configMap('next', { key: 'y' }))
  const revision = git.commit()
  await until('the rest is there', async () => (await stage.get(`${SHOP}/configmaps/next`)).data.key === 'y')
  await until('it waits', async () => JSON.stringify((await sync())['waiting']).includes('exception'))
  assert.equal((await stage.get(`${SHOP}/configmaps/config`)).data.color, 'by hand')
  const closed = await stage.alice(['-n', 'shop', 'delete', 'breakglass', '--all'])
  assert.equal(closed.code, 0, closed.stderr)
  await synced(revision)
  assert.equal((await stage.get(`${SHOP}/configmaps/config`)).data.color, 'yellow')
})

test('delete nothing where a commit drops too much, and say so', async () => {
  const names = Array.from({ length: 12 }, (_, index) => `many-${index}`)
  git.write('shop/7-many.yaml', names.map((name) => configMap(name)).join('---\n'))
  await synced(git.commit())
  git.git('rm', '--quiet', 'shop/7-many.yaml')
  git.write('shop/6-next.yaml', configMap('next', { key: 'z' }))
  const revision = git.commit()
  await stage.chat.told('was dropped by Git and is still there', '12 objects')
  assert.equal((await stage.get(`${SHOP}/configmaps/next`)).data.key, 'z')
  const { body } = await stage.plane.api('GET', `${SHOP}/configmaps`)
  const left = (body as { items: { metadata: { name: string } }[] }).items.filter(({ metadata }) =>
    metadata.name.startsWith('many-'),
  )
  assert.equal(left.length, 12)
  stage.config('guard', `stateDir: ${stage.dir}/guard/state\n${CONFIG(', prune: { max: 200 }')}`)
  await synced(revision)
  assert.equal(await stage.get(`${SHOP}/configmaps/many-0`), undefined)
})

test('delete a namespace only once nothing foreign is in it', async () => {
  git.write(
    'shop/9-other.yaml',
    `${namespace('other')}---\n${configMap('inside').replace('name: inside', 'name: inside\n  namespace: other')}`,
  )
  await synced(git.commit())
  await stage.unseen(['-n', 'other', 'create', 'configmap', 'foreign'])
  git.git('rm', '--quiet', 'shop/9-other.yaml')
  const revision = git.commit()
  await until('it is said why it stays', async () =>
    JSON.stringify((await sync())['dropped']).includes('ConfigMap other/foreign'),
  )
  assert.equal(await stage.get('/api/v1/namespaces/other/configmaps/inside'), undefined)
  await stage.unseen(['-n', 'other', 'delete', 'configmap', 'foreign'])
  await synced(revision)
  await until(
    'it goes',
    async () =>
      (await stage.get('/api/v1/namespaces/other')) === undefined ||
      (await stage.get('/api/v1/namespaces/other')).metadata.deletionTimestamp !== undefined,
  )
})

test('finish what a crash cut in two', async () => {
  const names = Array.from({ length: 300 }, (_, index) => `crash-${index}`)
  git.write('shop/7-crash.yaml', names.map((name) => configMap(name)).join('---\n'))
  const revision = git.commit()
  const count = async () => {
    const { body } = await stage.plane.api('GET', `${SHOP}/configmaps`)
    return (body as { items: { metadata: { name: string } }[] }).items.filter(({ metadata }) =>
      metadata.name.startsWith('crash-'),
    ).length
  }
  const cut = await until('some are there', async () => (await count()) || undefined)
  await guard.end('SIGKILL')
  const there = await count()
  await guard.start()
  await synced(revision)
  assert.equal(await count(), 300)
  git.write(
    'shop/7-crash.yaml',
    names
      .slice(0, 160)
      .map((name) => configMap(name))
      .join('---\n'),
  )
  const next = git.commit()
  await until('some are gone', async () => (await count()) < 300)
  await guard.end('SIGKILL')
  await guard.start()
  await synced(next)
  assert.equal(await count(), 160)
  assert.ok(cut > 0 && there <= 300)
})

test('give its fields to the agent that comes after it', async () => {
  stage.config(
    'guard',
    `stateDir: ${stage.dir}/guard/state\n${CONFIG(', prune: { max: 200 }').replace('sync: true, prune: { max: 200 }', 'sync: false')}`,
  )
  await until(
    'the inventory is gone',
    async () => {
      const { body } = await stage.plane.api(
        'GET',
        '/api/v1/namespaces/gitops-guard/configmaps?labelSelector=gitops-guard.dev/inventory',
      )
      return (body as { items: unknown[] }).items.length === 0
    },
    { ms: 60_000, seen: sync },
  )
  assert.deepEqual(writers(await stage.get(`${SHOP}/configmaps/config`)), ['Update before-first-apply'])
})
