/** Exceptions end to end: opened, used, renewed, closed, ended; the two in the guard's own namespace. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runCommand } from '../control-plane/run-command.ts'
import { paths, Stage } from './stage.ts'

const LIST = '/apis/gitops-guard.dev/v1alpha1/namespaces/shop/breakglasses'
const CLI = join(import.meta.dirname, '../../dist/cli.js')
let stage: Stage
before(async () => {
  stage = await Stage.open()
})
after(() => stage?.close())

const inSeconds = (seconds: number) =>
  new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+/, '')
const open = (name: string, seconds: number, objects: object[] = [], namespace = 'shop') => ({
  apiVersion: 'gitops-guard.dev/v1alpha1',
  kind: 'BreakGlass',
  metadata: { name, namespace },
  spec: { objects, reason: 'INC-42', expiresAt: inSeconds(seconds) },
})
const web = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }

async function condition(name: string, list = LIST) {
  const { body } = await stage.raw('admin', 'GET', `${list}/${name}`)
  return body?.status?.conditions?.find(({ type }: { type: string }) => type === 'Active')
}

async function active(name: string, status: string, list = LIST): Promise<string> {
  await stage.eventually(`Active=${status}`, async () => (await condition(name, list))?.status === status)
  return (await condition(name, list)).message
}

const annotate = (value: string) =>
  stage.kubectl('alice', ['annotate', '-n', 'shop', 'deployment/web', '--overwrite', `inc=${value}`])
const isThere = async () =>
  (await stage.raw('admin', 'GET', paths.web)).body.metadata.annotations?.inc !== undefined

test('open by the command line, change by hand, and Git returns when it is closed', async () => {
  const { code, stdout, stderr } = await runCommand(process.execPath, [
    ...[CLI, 'break-glass', '-n', 'shop', 'deploy/web', '--for', '30m', '--reason', 'INC-41'],
    ...['-o', 'json', '--kubeconfig', stage.plane.kubeconfig('alice')],
  ])
  assert.equal(code, 0, stderr)
  const { name } = JSON.parse(stdout)
  assert.equal(await active(name, 'True'), 'opened by alice')
  await stage.told('break-glass', ({ reason }) =>
    /alice opened an exception .*Deployment web.*INC-41/.test(reason),
  )

  assert.equal((await annotate('41')).code, 0)
  await stage.told('break-glass', ({ object, actor }) => object.name === 'web' && actor.username === 'alice')
  const other = await stage.kubectl('alice', ['annotate', '-n', 'shop', 'deployment/api', 'inc=41'])
  assert.match(other.stderr, /rule declared/)

  await stage.must('alice', ['delete', '-n', 'shop', `breakglass/${name}`])
  const { ms } = await stage.putBack(async () => !(await isThere()))
  assert.ok(ms! < 5000, `${ms} ms`)
  await stage.told('break-glass', ({ reason }) => /has ended: changed under it: .*web/.test(reason))
})

test('the watcher leaves it alone while it is open, and takes it back when it has ended', async () => {
  await stage.must('alice', ['create', '-f', '-'], { stdin: JSON.stringify(open('short', 6, [web])) })
  await active('short', 'True')
  assert.equal((await annotate('42')).code, 0)
  const until = Date.parse((await stage.raw('admin', 'GET', `${LIST}/short`)).body.spec.expiresAt)
  while (Date.now() < until - 500) {
    assert.ok(await isThere(), 'it was taken back too early')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  await stage.eventually('Git is back', async () => !(await isThere()))
  assert.ok(Date.now() - until < 5000, `${Date.now() - until} ms after its end`)
  assert.equal(await active('short', 'False'), 'opened by alice')
  assert.match((await annotate('43')).stderr, /denied the request/)
})

test('renew one before it ends; who may not open one cannot', async () => {
  await stage.must('alice', ['create', '-f', '-'], { stdin: JSON.stringify(open('long', 5)) })
  await active('long', 'True')
  const { code, stderr } = await runCommand(process.execPath, [
    ...[CLI, 'break-glass', '-n', 'shop', '--renew', 'long', '--for', '20m', '--reason', 'INC-42, still'],
    ...['--kubeconfig', stage.plane.kubeconfig('alice')],
  ])
  assert.equal(code, 0, stderr)
  await new Promise((resolve) => setTimeout(resolve, 5500))
  assert.equal((await annotate('44')).code, 0)
  await stage.must('alice', ['delete', '-n', 'shop', 'breakglass/long'])
  await stage.putBack(async () => !(await isThere()))

  await stage.plane.user('bob')
  const refused = await stage.kubectl('bob', ['create', '-f', '-'], {
    stdin: JSON.stringify(open('bobs', 60)),
  })
  assert.match(refused.stderr, /cannot create resource "breakglasses"/)
  const account = await stage.raw('system:serviceaccount:ops:operator', 'POST', LIST, open('its', 60))
  assert.match(account.text, /never by service accounts/)
})

test('an exception outlives the guard: after a restart it knows who opened it', async () => {
  await stage.must('alice', ['create', '-f', '-'], { stdin: JSON.stringify(open('kept', 600, [web])) })
  await active('kept', 'True')
  await stage.guard.end('SIGKILL')
  await stage.guard.start()
  await stage.guard.ready()
  await stage.eventually('it is open again', async () => (await annotate('45')).code === 0)
  await stage.must('alice', ['delete', '-n', 'shop', 'breakglass/kept'])
  const { actor } = await stage.told('break-glass', ({ reason }) => /shop\/kept .* has ended/.test(reason))
  assert.equal(actor.username, 'alice')
  await stage.putBack(async () => !(await isThere()))
})

test('upgrade: whoever opened it may change the guard, nobody else, and only until it ends', async () => {
  const list = LIST.replace('/shop/', '/gitops-guard/')
  // Another value each time: kubectl sends nothing where nothing changes.
  let times = 0
  const label = (user: string) =>
    stage.kubectl(user, [
      'label',
      'clusterrole',
      'gitops-guard',
      `upgraded=${user}-${++times}`,
      '--overwrite',
    ])
  assert.match((await label('alice')).stderr, /ValidatingAdmissionPolicy/)
  const wrong = await stage.raw('alice', 'POST', list, open('anything', 60, [], 'gitops-guard'))
  assert.match(wrong.text, /rule guard-self/)
  const created = await stage.raw('alice', 'POST', list, open('upgrade', 600, [], 'gitops-guard'))
  assert.equal(created.status, 201, created.text)
  assert.equal(await active('upgrade', 'True', list), 'opened by alice')
  await stage.eventually('alice may', async () => (await label('alice')).code === 0)
  assert.notEqual((await label('admin')).code, 0)
  const scaled = await stage.kubectl('alice', [
    'scale',
    '-n',
    'gitops-guard',
    'deploy/gitops-guard',
    '--replicas=3',
  ])
  assert.equal(scaled.code, 0, scaled.stderr)
  assert.equal((await stage.raw('alice', 'DELETE', `${list}/upgrade`)).status, 200)
  await stage.eventually('she may no longer', async () => (await label('alice')).code !== 0)
})
