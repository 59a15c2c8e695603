import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Canonical, Manifest } from '../model/desired.ts'
import type { KubeObject } from '../model/json.ts'
import { isOwnerless } from './live-facts.ts'

const declared = (object: KubeObject) => ({
  manifest: { object } as Manifest,
  canonical: () => ({ object, method: 'applied' }) as unknown as Canonical,
})
const namespace = (metadata: KubeObject['metadata']): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'shop', ...metadata },
})

it('take an object for nobody’s where it names nobody and Git declares a field of it', () => {
  assert.equal(isOwnerless(namespace({}), declared(namespace({ labels: { team: 'a' } }))), true)
})

it('not take a namespace for nobody’s of which Git declares only the name: its agent owns no field', () => {
  assert.equal(isOwnerless(namespace({}), declared(namespace({}))), false)
})
