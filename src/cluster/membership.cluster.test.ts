import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startControlPlane, type ControlPlane } from '../../test/control-plane/control-plane.ts'
import { until } from '../../test/e2e/until.ts'
import { ClusterApi } from './api.ts'
import { connect, type Connection } from './connection.ts'
import { Membership } from './membership.ts'

const RENEW_MS = 300
let plane: ControlPlane
let connection: Connection

before(async () => {
  plane = await startControlPlane({ kubeControllerManager: false })
  connection = connect({ kubeconfig: plane.kubeconfig('admin') })
})
after(async () => {
  connection.close()
  await plane.stop()
})

test('share with those that renew, and miss one that stops and one that dies', async () => {
  const a = await replica('default', 'a')
  a.join()
  await sees(a, 'a')
  const b = await replica('default', 'b')
  // It knows who is there before it takes a share.
  assert.deepEqual(b.members, ['a'])
  b.join()
  await Promise.all([sees(a, 'a', 'b'), sees(b, 'a', 'b')])
  await b.stop()
  await sees(a, 'a')
  await lease('default', 'dead', new Date())
  await sees(a, 'a', 'dead')
  await sees(a, 'a')
  await a.stop()
})

test('take up the Lease that its last run left', async () => {
  await plane.api('POST', '/api/v1/namespaces', { metadata: { name: 'left' } })
  const first = await replica('left', 'a')
  first.join()
  await sees(first, 'a')
  const errors: Error[] = []
  const second = await replica('left', 'a', (error) => errors.push(error))
  second.join()
  await sees(second, 'a')
  assert.deepEqual(errors, [])
  await Promise.all([first.stop(), second.stop()])
})

test('neither wait for one that died long ago nor keep its Lease', async () => {
  await plane.api('POST', '/api/v1/namespaces', { metadata: { name: 'old' } })
  await lease('old', 'dead', new Date(Date.now() - 60_000))
  const a = await replica('old', 'a')
  assert.deepEqual(a.members, [])
  a.join()
  const path = '/apis/coordination.k8s.io/v1/namespaces/old/leases/dead'
  await until('the Lease is removed', async () => (await plane.api('GET', path)).status === 404)
  assert.deepEqual(a.members, ['a'])
  await a.stop()
})

async function replica(
  namespace: string,
  name: string,
  onError: (error: Error) => void = () => undefined,
): Promise<Membership> {
  const api = new ClusterApi(connection)
  const one = new Membership({
    api,
    namespace,
    replica: name,
    renewMs: RENEW_MS,
    onChange: () => undefined,
    onError,
  })
  await one.watch()
  return one
}

async function sees(one: Membership, ...names: string[]): Promise<void> {
  const isSo = () => one.members.join() === names.join()
  await until(`${names.join()} share`, isSo, { seen: () => one.members })
}

async function lease(namespace: string, name: string, renewed: Date): Promise<void> {
  const { status } = await plane.api('POST', `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`, {
    metadata: { name, labels: { 'gitops-guard.dev/replica': 'true' } },
    spec: { holderIdentity: name, renewTime: renewed.toISOString().replace('Z', '000Z') },
  })
  assert.equal(status, 201)
}
