import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonObject, KubeObject } from '../model/json.ts'
import { fluxBringsIn, fluxReading, gitRepositoryOf } from './agent-progress-flux.ts'
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

function kustomization(spec: JsonObject = {}, status: JsonObject = {}): KubeObject {
  const sourceRef = { kind: 'GitRepository', name: 'shop' }
  return {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { namespace: 'flux-system', name: 'apps' },
    spec: { path: './prod', sourceRef, ...spec },
    status,
  }
}

function repository(spec: JsonObject = {}, status: JsonObject = {}): KubeObject {
  return {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { namespace: 'flux-system', name: 'shop' },
    spec: { url: 'git://shop', ref: { branch: 'prod' }, ...spec },
    status,
  }
}

describe('fluxBringsIn', () => {
  const brings = (k: JsonObject, r: JsonObject, s: Partial<FollowedSource> = {}) =>
    fluxBringsIn({ ...source, ...s }, kustomization(k), repository(r), same)

  it('take a Kustomization of the same repository, branch and folder', () =>
    assert.equal(brings({}, {}), true))
  it('leave another repository', () => assert.equal(brings({}, { url: 'git://else' }), false))
  it('leave another branch', () => assert.equal(brings({}, { ref: { branch: 'dev' } }), false))
  it('leave another folder', () => assert.equal(brings({ path: './dev' }, {}), false))
  it('leave one that applies to another cluster', () =>
    assert.equal(brings({ kubeConfig: { secretRef: { name: 'x' } } }, {}), false))
  it('take branch master where the GitRepository names none', () => {
    assert.equal(brings({}, { ref: {} }, { ref: { branch: 'master' } }), true)
    assert.equal(brings({}, { ref: {} }), false)
  })
  it('take a tag, a commit and a full name', () => {
    assert.equal(brings({}, { ref: { tag: 'v1' } }, { ref: { tag: 'v1' } }), true)
    assert.equal(brings({}, { ref: { tag: 'v1' } }, { ref: { tag: 'v2' } }), false)
    assert.equal(brings({}, { ref: { branch: 'prod', commit: A } }, { ref: { commit: A } }), true)
    assert.equal(brings({}, { ref: { branch: 'prod', commit: A } }), false)
    assert.equal(brings({}, { ref: { name: 'refs/heads/prod', branch: 'dev' } }), true)
  })
})

describe('gitRepositoryOf', () => {
  it("take the Kustomization's own namespace where none is named", () => {
    assert.deepEqual(gitRepositoryOf(kustomization()), { namespace: 'flux-system', name: 'shop' })
  })
  it('leave buckets and OCI repositories', () => {
    assert.equal(gitRepositoryOf(kustomization({ sourceRef: { kind: 'Bucket', name: 'shop' } })), undefined)
  })
})

describe('fluxReading', () => {
  it('say applying from the attempt until all is applied', () => {
    const status = { lastAttemptedRevision: `prod@sha1:${B}`, lastAppliedRevision: `prod@sha1:${A}` }
    assert.deepEqual(fluxReading(kustomization({}, status), undefined), { revision: B, state: 'applying' })
    const done = { ...status, lastAppliedRevision: `prod@sha1:${B}` }
    assert.deepEqual(fluxReading(kustomization({}, done), undefined), { revision: B, state: 'applied' })
  })

  it('say applying with no commit before the first attempt', () => {
    const fetched = repository({}, { artifact: { revision: `prod@sha1:${A}` } })
    assert.deepEqual(fluxReading(kustomization(), fetched), { newest: A, state: 'applying' })
  })

  it('say suspended where the Kustomization or its repository is', () => {
    assert.equal(fluxReading(kustomization({ suspend: true }), repository()).state, 'suspended')
    assert.equal(fluxReading(kustomization(), repository({ suspend: true })).state, 'suspended')
  })
})
