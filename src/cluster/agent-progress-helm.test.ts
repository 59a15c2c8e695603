import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonObject, KubeObject } from '../model/json.ts'
import { helmChartOf, helmReading, isAtWork } from './agent-progress-helm.ts'

const A = 'a'.repeat(40)
const B = 'b'.repeat(40)

function object(kind: string, status: JsonObject, spec: JsonObject = {}): KubeObject {
  return {
    apiVersion: 'x/v1',
    kind,
    metadata: { namespace: 'shop', name: 'web', generation: 2 },
    spec,
    status,
  }
}
const release = (status: JsonObject = {}, spec: JsonObject = {}) =>
  object(
    'HelmRelease',
    {
      observedGeneration: 2,
      lastAttemptedRevision: '1.0.0+aaa',
      history: [{ chartVersion: '1.0.0+aaa', status: 'deployed' }],
      ...status,
    },
    spec,
  )
const chart = object('HelmChart', {
  artifact: { revision: '1.0.0+aaa' },
  observedSourceArtifactRevision: `main@sha1:${A}`,
})
const repository = object('GitRepository', { artifact: { revision: `main@sha1:${B}` } })

describe('helmReading', () => {
  it('say the commit that the chart was packed of, and that it is released', () => {
    assert.deepEqual(helmReading(release(), chart, repository), { revision: A, newest: B, state: 'applied' })
  })
  it('name no commit while another chart is packed than the one that was tried', () => {
    const tried = release({ lastAttemptedRevision: '1.0.0+bbb' })
    assert.deepEqual(helmReading(tried, chart, repository), { newest: B, state: 'applying' })
  })
  it('say applying while Helm is at work, and after a release that failed', () => {
    const history = [{ chartVersion: '1.0.0+aaa', status: 'failed' }]
    assert.equal(helmReading(release({ history }), chart, repository).state, 'applying')
    const conditions = [{ type: 'Reconciling', status: 'True' }]
    assert.equal(helmReading(release({ conditions }), chart, repository).state, 'applying')
  })
  it('say suspended where the release or its repository is', () => {
    assert.equal(helmReading(release({}, { suspend: true }), chart, repository).state, 'suspended')
  })
})

describe('isAtWork', () => {
  it('hold from a change of the object until Flux has done it', () => {
    assert.equal(isAtWork(release()), false)
    assert.equal(isAtWork(release({ observedGeneration: 1 })), true)
    assert.equal(isAtWork(release({ conditions: [{ type: 'Reconciling', status: 'True' }] })), true)
  })
  it('not hold for one that is suspended, or that Flux has given up', () => {
    assert.equal(isAtWork(release({ observedGeneration: 1 }, { suspend: true })), false)
    const conditions = [{ type: 'Stalled', status: 'True' }]
    assert.equal(isAtWork(release({ observedGeneration: 1, conditions })), false)
  })
})

describe('helmChartOf', () => {
  it('find the HelmChart that Flux makes, or the one that is named', () => {
    const sourceRef = { kind: 'GitRepository', name: 'shop', namespace: 'flux-system' }
    const made = release({}, { chart: { spec: { sourceRef } } })
    assert.deepEqual(helmChartOf(made), { namespace: 'flux-system', name: 'shop-web' })
    const named = release({}, { chartRef: { kind: 'HelmChart', name: 'x' } })
    assert.deepEqual(helmChartOf(named), { namespace: 'shop', name: 'x' })
    assert.equal(helmChartOf(release({}, { chartRef: { kind: 'OCIRepository', name: 'x' } })), undefined)
  })
})
