/** Events as the API server takes them and kubectl shows them. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ClusterApi } from '../../src/cluster/api.ts'
import { connect, type Connection } from '../../src/cluster/connection.ts'
import { Discovery } from '../../src/cluster/discovery.ts'
import { eventWriter } from '../../src/guard/event-writer.ts'
import type { Violation } from '../../src/model/violation.ts'
import { EventRecorder } from '../../src/report/event-recorder.ts'
import { VIOLATION_EVENTS } from '../../src/report/violation-filter.ts'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { until } from '../e2e/until.ts'

let plane: ControlPlane
let connection: Connection
let discovery: Discovery
let api: ClusterApi
const recorders: EventRecorder[] = []
const errors: unknown[] = []

before(async () => {
  plane = await startControlPlane()
  connection = connect({ kubeconfig: plane.kubeconfig('admin') })
  api = new ClusterApi(connection)
  discovery = new Discovery({ api })
  await discovery.refresh()
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web', namespace: 'default' } }
  assert.equal((await plane.api('POST', '/api/v1/namespaces/default/configmaps', map)).status, 201)
})

after(async () => {
  await Promise.all(recorders.map((recorder) => recorder.stop()))
  connection?.close()
  await plane?.stop()
})

function recorder(times = {}): EventRecorder {
  const writer = eventWriter(api, discovery)
  const made = new EventRecorder({
    writer,
    instance: 'guard-0',
    times,
    onError: (error) => void errors.push(error),
  })
  recorders.push(made)
  return made
}

function violation(name: string, changed: Partial<Violation> = {}): Violation {
  return {
    id: 'c894aaa41c62',
    time: new Date().toISOString(),
    event: 'denied',
    verdict: 'deny',
    rule: 'declared',
    reason: 'alice may not change it: Git declares it',
    operation: 'UPDATE',
    subresource: '',
    actor: { username: 'alice', groups: [], authenticated: true },
    object: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name },
    source: 'shop',
    changes: [{ path: '/data/key', op: 'replace', desired: 'a', live: 'ü'.repeat(3000) }],
    remedy: 'none',
    ...changed,
  }
}

interface Event {
  reason: string
  note: string
  type: string
  regarding: { name: string; uid?: string }
  series?: { count: number }
}

async function events(name: string, namespace = 'default'): Promise<Event[]> {
  const { body } = await plane.api('GET', `/apis/events.k8s.io/v1/namespaces/${namespace}/events`)
  return body.items.filter(({ regarding }: Event) => regarding.name === name)
}

test('be shown by kubectl describe, on the object itself', async () => {
  recorder().accept(violation('web'))
  await until('the event is there', async () => (await events('web')).length > 0)
  const { stdout } = await plane.kubectl('admin', ['describe', 'configmap', 'web'])
  assert.match(stdout, /Warning +GitOpsDenied .* gitops-guard.dev\/guard.* +alice may not change it/)
})

test('take every kind of violation, however long, of what is not there and what has no namespace', async () => {
  const one = recorder()
  for (const event of VIOLATION_EVENTS) one.accept(violation('gone', { event, reason: 'ü'.repeat(5000) }))
  const role = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    namespace: '',
    name: 'system:x',
  }
  one.accept(violation('x', { event: 'drift', object: role }))
  await until(
    'all are there',
    async () =>
      (await events('gone')).length === VIOLATION_EVENTS.length && (await events('system:x')).length === 1,
  )
  const reasons = (await events('gone')).map(({ reason }) => reason).toSorted()
  assert.deepEqual(reasons.slice(0, 3), ['GitOpsAudited', 'GitOpsBreakGlass', 'GitOpsDenied'])
  assert.deepEqual(errors, [])
})

test('count what is repeated instead of telling it again', async () => {
  const one = recorder({ flush: 200 })
  for (let n = 0; n < 50; n++) one.accept(violation('busy'))
  await until('the count is told', async () => (await events('busy'))[0]?.series?.count === 50)
  assert.equal((await events('busy')).length, 1)
  one.accept(violation('busy', { actor: { username: 'bob', groups: [], authenticated: true } }))
  await until("another's is an event of its own", async () => (await events('busy')).length === 2)
})

test('cut off a flood, and go on after it', async () => {
  const one = recorder({ pace: 10 })
  for (let n = 0; n < 2000; n++) one.accept(violation(`flood-${n}`))
  assert.ok(one.dropped >= 1400, String(one.dropped))
  await until(
    'what waited is written',
    async () => {
      one.accept(violation('late'))
      return (await events('late')).length === 1
    },
    { ms: 60_000 },
  )
})
