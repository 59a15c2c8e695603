import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '../model/json.ts'
import { equalJson } from '../object/json.ts'
import { makeProbe } from './probe-name.ts'

const object = (apiVersion: string, kind: string, name: string, spec = {}): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name },
  spec,
})

describe('a probe', () => {
  it('is named as long as the object, in letters alone', () => {
    for (const name of ['a-name-of-20-letters', 'system:node-proxier', 'x'.repeat(63)]) {
      const probe = makeProbe(object('v1', 'ConfigMap', name))
      assert.match(String(probe.object.metadata['name']), new RegExp(`^[a-z]{${name.length}}$`))
    }
    assert.match(String(makeProbe(object('v1', 'ConfigMap', 'x')).object.metadata['name']), /^[a-z]{10}$/)
  })

  it('gives the real name back in values, inside values, and in keys', () => {
    const probe = makeProbe(object('v1', 'ConfigMap', 'web'))
    const name = String(probe.object.metadata['name'])
    const answer = { ...probe.object, metadata: { name, labels: { [`x/${name}`]: `a-${name}-${name}` } } }
    assert.deepEqual(probe.restore(answer).metadata, { name: 'web', labels: { 'x/web': 'a-web-web' } })
  })

  it('leaves the name alone where the manifest itself has it', () => {
    const probe = makeProbe(object('v1', 'ConfigMap', 'web', { app: 'web' }))
    assert.deepEqual(probe.object['spec'], { app: 'web' })
  })

  it('takes a name with signs of a replacement pattern as it is', () => {
    const probe = makeProbe(object('rbac.authorization.k8s.io/v1', 'ClusterRole', '$&$1'))
    assert.equal(probe.restore(probe.object).metadata['name'], '$&$1')
  })

  it('is another group where the name is made of the group', () => {
    const crd = object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'widgets.kinds.k8s.io', {
      group: 'kinds.k8s.io',
      names: { plural: 'widgets' },
    })
    const probe = makeProbe(crd)
    assert.match(String(probe.object.metadata['name']), /^widgets\.[a-z]{10}\.kinds\.k8s\.io$/)
    assert.deepEqual(probe.restore(probe.object), crd)
    const service = object('apiregistration.k8s.io/v1', 'APIService', 'v1.a.example', {
      group: 'a.example',
      version: 'v1',
    })
    const other = makeProbe(service)
    assert.match(String(other.object.metadata['name']), /^v1\.[a-z]{10}\.a\.example$/)
    assert.deepEqual(other.restore(other.object), service)
  })

  it('has the way back to any object', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.jsonValue(), (name, spec) => {
        const manifest = object('v1', 'ConfigMap', name, spec as never)
        const probe = makeProbe(manifest)
        assert.notEqual(probe.object.metadata['name'], name)
        assert.ok(equalJson(probe.restore(probe.object), manifest))
        assert.equal(manifest.metadata['name'], name)
      }),
    )
  })
})
