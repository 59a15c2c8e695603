/** What goes away and comes back: the guard, the API server, etcd, Git, chat, its own configuration. */
import assert from 'node:assert/strict'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { TestRepository } from '../git/test-repository.ts'
import type { GuardRun } from './guard-run.ts'
import { configMap, inNamespace, namespace } from './manifests.ts'
import { AGENT, Stage } from './stage.ts'
import { until } from './until.ts'

const PATH = '/api/v1/namespaces/shop/configmaps'

let stage: Stage
let repository: TestRepository
let guard: GuardRun

before(async () => {
  stage = await Stage.open()
  repository = stage.repository()
  repository.write('shop/namespace.yaml', namespace('shop'))
  const names = ['web', 'back', 'spare']
  for (const name of names) repository.write(`shop/${name}.yaml`, configMap(name))
  stage.settledCommit(repository)
  await stage.apply(namespace('shop'), ...names.map((name) => inNamespace('shop', configMap(name))))
  guard = await stage.guard('guard', configuration())
  await guard.start()
})

after(() => stage.close())

function configuration(mode = 'enforce'): string {
  return `mode: ${mode}
graceSeconds: 1
sources:
  - name: shop
    repository: ${repository.path}
    ref: { branch: main }
    path: shop
    namespace: shop
    poll: 1s
agents:
  - { user: ${AGENT}, managers: [deployer] }
notify:
  - slack: { url: { env: SLACK_URL } }
`
}

async function refuses(name: string): Promise<void> {
  const { code, stderr } = await stage.alice(['label', '-n', 'shop', `configmap/${name}`, 'by=alice'])
  assert.equal(code, 1)
  assert.match(stderr, /alice may not change ConfigMap shop\/.*Git declares it/)
}

/** Changes an object past the webhook. */
function drift(name: string, value = 'drifted'): Promise<void> {
  const patch = JSON.stringify({ data: { key: value } })
  return stage.unseen(['patch', '-n', 'shop', `configmap/${name}`, '--type=merge', '-p', patch])
}

async function isPutBack(name: string, value = 'x'): Promise<void> {
  await until(
    `ConfigMap shop/${name} is what Git says`,
    async () => (await stage.get(`${PATH}/${name}`))?.data.key === value,
    { ms: 30_000, seen: async () => (await stage.get(`${PATH}/${name}`))?.data },
  )
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`puts back what drifted while the guard was down after ${signal}, and refuses people meanwhile`, async () => {
    const code = await guard.end(signal)
    assert.equal(code, signal === 'SIGTERM' ? 0 : null)
    await drift('web')
    await stage.unseen(['delete', '-n', 'shop', 'configmap/back'])
    const { code: refused, stderr } = await stage.alice(['label', '-n', 'shop', 'configmap/web', 'by=alice'])
    assert.equal(refused, 1, 'a guard that is down must lock out people')
    assert.match(stderr, /failed calling webhook/)
    await guard.start()
    await isPutBack('web')
    await isPutBack('back')
    await refuses('web')
  })
}

test('goes on after the API server restarted', async () => {
  await stage.plane.restartApiServer({ graceMs: 0 })
  await drift('web')
  await isPutBack('web')
  await refuses('web')
  await guard.says(/^ready$/m)
})

test('goes on after etcd restarted', async () => {
  await stage.plane.restartEtcd()
  await drift('back')
  await isPutBack('back')
  await refuses('back')
})

test('waits for an API server that is down when the guard starts, and says so', async () => {
  await guard.end()
  await stage.plane.stopApiServer({ graceMs: 0 })
  await guard.launch()
  await guard.says(/\[-\] cluster: cannot get .*\nnot ready/s)
  await stage.plane.startApiServer()
  await guard.ready()
  await refuses('web')
})

test('keeps the last good state while Git is unreachable, and says so everywhere', async () => {
  const away = `${repository.path}.away`
  renameSync(repository.path, away)
  try {
    const text = await guard.says(/\[-\] git\/shop: .*since/)
    assert.match(text, /ready, degraded/)
    await guard.logged('that Git cannot be read', ({ msg }) => /Git cannot be read/.test(msg))
    const age = await guard.metric('git_age_seconds', { source: 'shop' })
    await refuses('web')
    await drift('web')
    await isPutBack('web')
    // A guard that begins now has only its disk.
    await guard.end('SIGKILL')
    await drift('back')
    await guard.start()
    await isPutBack('back')
    await refuses('back')
    assert.match(await guard.readyz(), /\[-\] git\/shop: /)
    assert.ok(age > 0)
  } finally {
    renameSync(away, repository.path)
  }
  // After errors it asks more rarely, a second doubled each time.
  await guard.says(/\[\+\] git\/shop$/m, 60_000)
  await guard.says(/^ready$/m)
})

test('loses no message and delays no denial while chat is unreachable', async () => {
  stage.chat.close()
  const start = performance.now()
  const names = ['web', 'back', 'spare']
  for (const name of names) await refuses(name)
  const { ms } = await stage.alice(['delete', '-n', 'shop', 'configmap/spare', '--wait=false'])
  assert.ok(ms < 5000, `a denial took ${ms} ms`)
  await until('messages wait', async () => (await guard.metric('messages_waiting')) >= 4)
  await until('an attempt failed', async () => (await guard.metric('messages_failed_total')) > 0)
  const before = stage.chat.messages.length
  await stage.chat.open()
  await until('nothing waits', async () => (await guard.metric('messages_waiting')) === 0, { ms: 120_000 })
  const told = stage.chat.messages.slice(before).join('\n')
  for (const name of names) assert.ok(told.includes(`shop/${name}`), `the chat is not told of ${name}`)
  assert.ok(performance.now() - start < 60_000)
})

test('names a malformed manifest with file and line and guards the others', async () => {
  repository.write('shop/broken.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: [oops\n')
  repository.write('shop/late.yaml', configMap('late'))
  repository.commit('One bad, one good')
  await guard.says(/\[-\] manifests\/shop: shop\/broken\.yaml:\d+: /)
  const line = await guard.logged('the bad file', ({ file }) => file === 'shop/broken.yaml')
  assert.equal(typeof line['line'], 'number')
  await stage.apply(inNamespace('shop', configMap('late')))
  await drift('late')
  await isPutBack('late')
  await refuses('late')
  await refuses('web')
  repository.git('rm', '-q', 'shop/broken.yaml')
  repository.commit('Mend it')
  await guard.says(/^ready$/m)
})

test('puts a changed configuration in force, and keeps the last good one when the next is invalid', async () => {
  const file = join(stage.dir, 'guard.yaml')
  const good = readFileSync(file, 'utf8')
  writeFileSync(file, good.replace('mode: enforce', 'mode: enforced'))
  await until('config_valid is 0', async () => (await guard.metric('config_valid')) === 0)
  const line = good.split('\n').findIndex((text) => text.startsWith('mode:')) + 1
  await guard.says(new RegExp(`\\[-\\] config: invalid.*guard\\.yaml:${line}:\\d+: `))
  await guard.logged('where it is invalid', ({ msg }) => msg.includes(`guard.yaml:${line}:`))
  await refuses('web')
  // A warning lets it through; the watcher only tells.
  writeFileSync(file, good.replace('mode: enforce', 'mode: warn'))
  await guard.logged('the new configuration', ({ msg }) => msg === 'the new configuration is in force')
  assert.equal(await guard.metric('config_valid'), 1)
  const warned = await stage.alice(['label', '-n', 'shop', 'configmap/web', 'by=alice'])
  assert.equal(warned.code, 0, warned.stderr)
  assert.match(warned.stderr, /^Warning: .*alice/m)
  writeFileSync(file, good)
  await until('it is refused again', async () => {
    const { code } = await stage.alice(['label', '-n', 'shop', 'configmap/back', 'by=alice'])
    return code === 1
  })
  await until(
    'what was let through is put back by the stricter configuration',
    async () => (await stage.get(`${PATH}/web`)).metadata.labels === undefined,
  )
})

test('lets a configuration whose source cannot be read wait, and the next one take its place', async () => {
  const file = join(stage.dir, 'guard.yaml')
  const good = readFileSync(file, 'utf8')
  writeFileSync(file, good.replace(repository.path, `${repository.path}-is-not-there`))
  await guard.says(/\[-\] config: the new one waits.*shop \(/)
  await refuses('web')
  await drift('web')
  await isPutBack('web')
  writeFileSync(file, good)
  await guard.says(/\[\+\] config$/m)
  await drift('web')
  await isPutBack('web')
})
