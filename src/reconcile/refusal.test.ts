import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readRefusal, refusedFields } from './refusal.ts'

const error = (status: number, message = '', more: object = {}) =>
  Object.assign(new Error(message), { status, ...more })

it('look again at what is newer, gone, or there after all', () => {
  assert.deepEqual(readRefusal(error(409), 'put'), { kind: 'stale' })
  assert.deepEqual(readRefusal(error(409), 'create'), { kind: 'stale' })
  assert.deepEqual(readRefusal(error(404), 'put'), { kind: 'gone' })
})

it('wait for a namespace or a kind', () => {
  assert.deepEqual(readRefusal(error(404, 'namespaces "x" not found'), 'create'), { kind: 'not-yet' })
  const details = { causes: [{ reason: 'NamespaceTerminating' }] }
  assert.deepEqual(readRefusal(error(403, 'forbidden', { details }), 'create'), {
    kind: 'namespace-terminating',
  })
})

it('give up on what the API server will refuse again, and know what is immutable', () => {
  const immutable = [
    'Service "x" is invalid: spec.clusterIPs[0]: Invalid value: field is immutable',
    'StatefulSet.apps "db" is invalid: spec: Forbidden: updates to statefulset spec for fields other than replicas are forbidden',
    'Pod "p" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`',
    'PersistentVolumeClaim "d" is invalid: spec.resources.requests.storage: Forbidden: field can not be less than status.capacity',
  ]
  for (const message of immutable) {
    assert.deepEqual(readRefusal(error(422, message), 'put'), { kind: 'final', immutable: true, message })
  }
  const message = 'spec.replicas: Invalid value: -1: must be greater than or equal to 0'
  assert.deepEqual(readRefusal(error(422, message), 'put'), { kind: 'final', immutable: false, message })
})

it('try again what may work later, an answer that is none too', () => {
  for (const trouble of [
    error(500),
    error(429),
    error(403, 'denied by a policy'),
    new Error('reset'),
    'text',
    null,
  ]) {
    assert.equal(readRefusal(trouble, 'put').kind, 'later')
  }
})

it('know which differences an answer is about', () => {
  const details = {
    causes: [{ reason: 'FieldValueInvalid', field: 'spec.selector' }, { field: 'spec.ports[0].port' }],
  }
  const [selector, port] = refusedFields(error(422, '', { details }))
  assert.equal(selector!(['spec', 'selector', 'matchLabels', 'app']), true)
  assert.equal(selector!(['spec', 'replicas']), false)
  assert.equal(port!(['spec', 'ports', { keys: { port: 80 }, index: 0 }, 'name']), true)
  assert.deepEqual(refusedFields(error(500, '', { details })), [])
})
