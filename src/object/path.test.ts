import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Path } from '../model/path.ts'
import { declares, formatPath, formatPointer, getAt, parsePointer, pathKey } from './path.ts'

const image: Path = ['spec', 'containers', { keys: { name: 'app' }, index: 1 }, 'image']
const object = { spec: { containers: [{ name: 'sidecar' }, { name: 'app', image: 'a:1' }], set: ['x', 'y'] } }

test('pointers name items by their index, and escape what RFC 6901 says', () => {
  assert.equal(formatPointer(image), '/spec/containers/1/image')
  assert.equal(formatPointer(['metadata', 'labels', 'a/b~c']), '/metadata/labels/a~1b~0c')
  assert.deepEqual(parsePointer('/metadata/labels/a~1b~0c/~01'), ['metadata', 'labels', 'a/b~c', '~1'])
  assert.deepEqual(parsePointer(''), [])
})

test('a pointer that is none says what would be right', () => {
  assert.throws(() => parsePointer('spec'), /begins with \//)
  assert.throws(() => parsePointer('/a~b'), /~ is written ~0/)
})

test('people read names of items', () => {
  assert.equal(formatPath(image), 'spec.containers[name=app].image')
  assert.equal(
    formatPath(['metadata', 'labels', 'app.kubernetes.io/name']),
    'metadata.labels["app.kubernetes.io/name"]',
  )
  assert.equal(
    formatPath(['spec', 'ports', { keys: { port: 53, protocol: 'UDP' }, index: 0 }]),
    'spec.ports[port=53,protocol=UDP]',
  )
  assert.equal(formatPath(['metadata', 'finalizers', { value: 'x/y', index: 0 }]), 'metadata.finalizers[x/y]')
  assert.equal(formatPath(['args', 2]), 'args[2]')
})

test('items are found by what names them, wherever they are', () => {
  assert.equal(getAt(object, image), 'a:1')
  assert.equal(getAt(object, ['spec', 'containers', { keys: { name: 'app' }, index: 9 }, 'image']), 'a:1')
  assert.equal(getAt(object, ['spec', 'set', { value: 'y', index: 0 }]), 'y')
  assert.equal(getAt(object, ['spec', 'set', { value: 'z', index: 0 }]), undefined)
  assert.equal(getAt(object, ['spec', 'set', 0]), 'x')
  assert.equal(getAt(object, ['spec', 'constructor']), undefined)
  assert.equal(getAt(object, ['spec', 'containers', 'length']), undefined)
})

test('the key of a path stays when a list is reordered, and tells paths apart', () => {
  const at = (index: number): Path => ['spec', 'containers', { keys: { name: 'app' }, index }, 'image']
  assert.equal(pathKey(at(0)), pathKey(at(3)))
  const paths: Path[] = [
    ['a', 'b'],
    ['a\nsb'],
    ['1'],
    [1],
    [{ value: 1, index: 0 }],
    [{ value: '1', index: 0 }],
    [],
  ]
  assert.equal(new Set(paths.map(pathKey)).size, paths.length)
})

test('a manifest declares a field whose item lacks keys that the server fills in', () => {
  const service = { kind: 'Service', spec: { ports: [{ port: 53, nodePort: 30053 }], type: null } }
  const port = { keys: { port: 53, protocol: 'TCP' }, index: 0 }
  assert.equal(declares(service, ['spec', 'ports', port, 'nodePort']), true)
  assert.equal(declares(service, ['spec', 'ports', port, 'targetPort']), false)
  assert.equal(declares(service, ['spec', 'ports', { keys: { port: 80, protocol: 'TCP' }, index: 0 }]), false)
  assert.equal(declares(service, ['spec', 'type']), false)
})

test('a Secret declares its data as stringData too', () => {
  const secret = { kind: 'Secret', stringData: { token: 'x' } }
  assert.equal(declares(secret, ['data', 'token']), true)
  assert.equal(declares(secret, ['data', 'other']), false)
  assert.equal(declares({ ...secret, kind: 'ConfigMap' }, ['data', 'token']), false)
})
