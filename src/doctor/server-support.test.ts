import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatSupport, serverSupport } from './server-support.ts'

const lacks = (version: string, emulated?: string) =>
  serverSupport(version, emulated).lacks.map(({ name }) => name)

test('tell what each version lacks', () => {
  const [fields, policies, streamed, files] = [
    'optional-fields',
    'policies',
    'streamed-lists',
    'admission-files',
  ]
  assert.deepEqual(lacks('v1.28.15'), [fields, policies, streamed, files])
  assert.deepEqual(lacks('v1.29.0'), [policies, streamed, files])
  assert.deepEqual(lacks('v1.31.9-gke.1'), [streamed, files])
  assert.deepEqual(lacks('v1.32.13+k3s1'), [files])
  assert.deepEqual(lacks('v1.33.4-eks-abc'), [streamed, files])
  assert.deepEqual(lacks('1.34.1'), [files])
  assert.deepEqual(lacks('v1.35.4'), [files])
  assert.deepEqual(lacks('v1.36.3'), [])
  assert.deepEqual(lacks('v2.0.0'), [])
})

test('take an API server that emulates an older version for that one', () => {
  assert.deepEqual(lacks('v1.36.3', '1.33'), lacks('v1.33.0'))
  assert.deepEqual(lacks('v1.36.3', '1.36'), [])
})

test('tell versions that were tried from older and newer ones, and from what is no version', () => {
  const tried = ['v1.31.0', 'v1.32.0', 'v1.36.9', 'v1.37.0', 'v2.0.0', 'unknown', ''].map(
    (version) => serverSupport(version).tried,
  )
  assert.deepEqual(tried, ['older', 'yes', 'yes', 'newer', 'newer', 'unknown', 'unknown'])
  assert.equal(serverSupport('').conditions, true)
  assert.equal(serverSupport('v1.28.15').conditions, false)
  for (const version of ['v1.29.0', 'v1.36.3', 'v1.30.1-gke.100', 'v2.0.0', 'unknown'])
    assert.equal(serverSupport(version).conditions, true, version)
})

test('say it in a sentence', () => {
  const say = (version: string) => formatSupport(version, serverSupport(version))
  assert.equal(say('v1.36.3'), 'Kubernetes v1.36.3')
  assert.equal(say('v1.37.0'), 'Kubernetes v1.37.0 is newer than what this guard is made for (1.32 to 1.36)')
  assert.match(
    say('v1.33.1'),
    /^Kubernetes v1\.33\.1 has no streamed lists .*; it has no admission from files/,
  )
})
