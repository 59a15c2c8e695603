import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge } from '../judge.ts'
import { change, object, person, policyOf, system, web } from '../testing.ts'

const connect = (
  target: ReturnType<typeof object>,
  subresource: string,
  mode: 'allow' | 'warn' | 'deny',
  actor = person(),
) =>
  judge(
    change('CONNECT', actor, undefined, target, { subresource }),
    policyOf([{ objects: [web] }], { connect: mode }),
  )
const pod = object('v1', 'Pod', 'web-1')
const service = object('v1', 'Service', 'web')
const node = object('v1', 'Node', 'worker-1', {}, { namespace: '' })
const elsewhere = object('v1', 'Pod', 'x', {}, { namespace: 'other' })
const agents = object('v1', 'Pod', 'kustomize-controller-1', {}, { namespace: 'flux-system' })

for (const [target, subresource] of [
  [pod, 'exec'],
  [pod, 'attach'],
  [pod, 'portforward'],
  [pod, 'proxy'],
  [service, 'proxy'],
  [node, 'proxy'],
] as const) {
  test(`allow, warn of or deny ${subresource} to a ${target.kind} as configured, and tell of it`, () => {
    for (const mode of ['allow', 'warn', 'deny'] as const) {
      const verdict = connect(target, subresource, mode)
      assert.deepEqual([verdict.rule, verdict.decision, verdict.notable], ['connect', mode, true])
    }
  })
}
test('leave namespaces that nobody guards alone', () => {
  assert.equal(connect(elsewhere, 'exec', 'deny').rule, 'not-managed')
})
test('deny a command in an agent’s namespace whatever is configured, and allow a port', () => {
  assert.equal(connect(agents, 'exec', 'allow').decision, 'deny')
  assert.equal(connect(agents, 'attach', 'allow').decision, 'deny')
  assert.equal(connect(agents, 'portforward', 'allow').decision, 'allow')
})
test('leave system controllers alone', () => {
  assert.equal(connect(pod, 'proxy', 'deny', system('horizontal-pod-autoscaler')).decision, 'allow')
})
