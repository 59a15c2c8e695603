import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonObject, KubeObject } from '../model/json.ts'
import { argocdBringsIn, argocdReading } from './agent-progress-argocd.ts'
import type { FollowedSource } from './agent-progress-reading.ts'

const A = 'a'.repeat(40)
const B = 'b'.repeat(40)
const same = (a: string, b: string) => a === b
const source: FollowedSource = {
  name: 'shop',
  repository: 'git://shop',
  ref: { branch: 'prod' },
  path: 'prod',
}
const ours = { repoURL: 'git://shop', targetRevision: 'prod', path: 'prod' }

function application(
  fields: { spec?: JsonObject; status?: JsonObject; metadata?: JsonObject } = {},
): KubeObject {
  const destination = { server: 'https://kubernetes.default.svc' }
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { namespace: 'argocd', name: 'shop', ...fields.metadata },
    spec: { destination, source: ours, ...fields.spec },
    status: fields.status ?? {},
  }
}

describe('argocdBringsIn', () => {
  const at = (spec: JsonObject, s: Partial<FollowedSource> = {}) =>
    argocdBringsIn({ ...source, ...s }, application({ spec }), same)

  it('take an Application of the same repository, branch and folder', () => assert.equal(at({}), 0))
  it('find which of several sources it is', () => {
    const chart = { repoURL: 'git://shop', chart: 'redis', targetRevision: 'prod' }
    assert.equal(at({ sources: [chart, ours] }), 1)
  })
  it('leave another cluster', () => {
    assert.equal(at({ destination: { server: 'https://elsewhere:6443' } }), undefined)
    assert.equal(at({ destination: { name: 'elsewhere' } }), undefined)
    assert.equal(at({ destination: { name: 'in-cluster' } }), 0)
  })
  it('leave another branch, and take HEAD for the branch that is followed', () => {
    assert.equal(at({ source: { ...ours, targetRevision: 'dev' } }), undefined)
    assert.equal(at({ source: { ...ours, targetRevision: 'HEAD' } }), 0)
    assert.equal(at({ source: { ...ours, targetRevision: 'HEAD' } }, { ref: { tag: 'v1' } }), undefined)
  })
})

describe('argocdReading', () => {
  const read = (status: JsonObject, index = 0) => argocdReading(application({ status }), index)

  it('say applying, at the commit of the operation, while it runs', () => {
    const operationState = { phase: 'Running', operation: { sync: { revision: B } } }
    const sync = { status: 'OutOfSync', revision: B }
    assert.deepEqual(read({ operationState, sync }), { revision: B, state: 'applying', newest: B })
  })

  it('name no commit for a sync by hand that runs', () => {
    const operationState = { phase: 'Running', operation: { sync: {} }, syncResult: { revision: A } }
    assert.deepEqual(read({ operationState }), { state: 'applying' })
  })

  it('say what was synced last while live is not what a newer commit says', () => {
    const operationState = {
      phase: 'Succeeded',
      finishedAt: '2026-01-01T00:00:00Z',
      syncResult: { revision: A },
    }
    const sync = { status: 'OutOfSync', revision: B }
    const reconciledAt = '2026-01-01T00:01:00Z'
    assert.deepEqual(read({ operationState, sync, reconciledAt }), {
      revision: A,
      state: 'applied',
      newest: B,
    })
  })

  it('say a newer commit that needed no sync', () => {
    const operationState = {
      phase: 'Succeeded',
      finishedAt: '2026-01-01T00:00:00Z',
      syncResult: { revision: A },
    }
    const sync = { status: 'Synced', revision: B }
    const reconciledAt = '2026-01-01T00:01:00Z'
    assert.deepEqual(read({ operationState, sync, reconciledAt }), {
      revision: B,
      state: 'applied',
      newest: B,
    })
  })

  it('trust the sync where it ended after live was compared last', () => {
    const operationState = {
      phase: 'Succeeded',
      finishedAt: '2026-01-01T00:02:00Z',
      syncResult: { revision: B },
    }
    const sync = { status: 'Synced', revision: A }
    const reconciledAt = '2026-01-01T00:01:00Z'
    assert.deepEqual(read({ operationState, sync, reconciledAt }), {
      revision: B,
      state: 'applied',
      newest: A,
    })
  })

  it('say applying after a sync that failed half way', () => {
    const operationState = {
      phase: 'Failed',
      finishedAt: '2026-01-01T00:00:00Z',
      syncResult: { revision: B },
    }
    assert.deepEqual(read({ operationState }), { revision: B, state: 'applying' })
  })

  it('take the commit of its own source out of several', () => {
    const operationState = { phase: 'Running', operation: { sync: { revisions: [A, B] } } }
    assert.equal(read({ operationState }, 1).revision, B)
  })

  it('say suspended where the Application is passed over, not where people sync it', () => {
    const annotations = { 'argocd.argoproj.io/skip-reconcile': 'true' }
    assert.equal(argocdReading(application({ metadata: { annotations } }), 0).state, 'suspended')
    assert.notEqual(argocdReading(application({ spec: { syncPolicy: {} } }), 0).state, 'suspended')
  })
})
