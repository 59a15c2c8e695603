import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { Canonical } from '../model/desired.ts'
import { FormStore } from './form-store.ts'

const directory = mkdtempSync(join(tmpdir(), 'form-store-'))
after(() => rmSync(directory, { recursive: true }))
let count = 0
const newFile = () => join(directory, `state-${count++}`, 'forms')

const form = (name: string, size = 1, kind = 'ConfigMap'): Canonical => ({
  object: {
    apiVersion: 'v1',
    kind,
    metadata: { name },
    data: { text: 'x\t\n'.repeat(size), big: 9007199254740993n },
  },
  generated: [['spec', { keys: { port: 1 }, index: 0 }]],
  unattainable: ['spec.x'],
  method: 'probe',
})
const onDisk = { onDisk: true }

describe('the store of canonical forms', () => {
  it('give back what was kept, for the same stamp only', () => {
    const store = new FormStore()
    store.set('a', 'one', form('a'), onDisk)
    assert.deepEqual(store.get('a', 'one'), form('a'))
    assert.equal(store.get('a', 'two'), undefined)
    assert.equal(store.get('b', 'one'), undefined)
    store.set('a', 'two', form('b'), onDisk)
    assert.deepEqual(store.get('a', 'two'), form('b'))
  })

  it('survive a restart; the last of a key counts', () => {
    const file = newFile()
    const store = new FormStore({ file })
    store.set('a', 'one', form('old'), onDisk)
    store.set('a', 'one', form('new'), onDisk)
    store.set('secret', 'one', form('s', 1, 'Secret'), { onDisk: false })
    store.flush()
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const again = new FormStore({ file })
    assert.equal(again.size, 1)
    assert.deepEqual(again.get('a', 'one'), form('new'))
  })

  it('drop a line that is torn, changed or strange, and keep the rest', () => {
    const file = newFile()
    const store = new FormStore({ file })
    for (const name of ['a', 'b', 'c']) store.set(name, 'one', form(name), onDisk)
    store.flush()
    const text = readFileSync(file, 'utf8').replace('"name":"b"', '"name":"X"')
    writeFileSync(file, `${text}\nno line\na\tb\tc\td\te\nz\tone\t1\t[{"apiV`)
    const again = new FormStore({ file })
    assert.deepEqual(again.get('a', 'one'), form('a'))
    assert.equal(again.get('b', 'one'), undefined)
    assert.deepEqual(again.get('c', 'one'), form('c'))
    again.set('d', 'one', form('d'), onDisk)
    again.flush()
    assert.equal(new FormStore({ file }).size, 3)
  })

  it('begin anew where the file is none of its own, and work without one it cannot write', () => {
    const file = newFile()
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, 'something else\n')
    const store = new FormStore({ file })
    store.set('a', 'one', form('a'), onDisk)
    store.flush()
    assert.equal(new FormStore({ file }).size, 1)

    const errors: Error[] = []
    const broken = new FormStore({ file: join(file, 'below-a-file'), onError: (error) => errors.push(error) })
    broken.set('a', 'one', form('a'), onDisk)
    broken.flush()
    assert.equal(errors.length, 1)
    assert.deepEqual(broken.get('a', 'one'), form('a'))
  })

  it('write the file anew without what is not wanted, and never a Secret', () => {
    const file = newFile()
    const store = new FormStore({ file })
    store.set('s', 'one', form('s', 1, 'Secret'), { onDisk: false })
    for (let index = 0; index < 1_500; index++) store.set(`k${index}`, 'one', form(`k${index}`), onDisk)
    store.flush()
    store.retain((key) => key === 'k1' || key === 's')
    assert.equal(store.size, 2)
    const text = readFileSync(file, 'utf8')
    assert.equal(text.trimEnd().split('\n').length, 2)
    assert.doesNotMatch(text, /Secret/)
    appendFileSync(file, '')
    assert.deepEqual(new FormStore({ file }).get('k1', 'one'), form('k1'))
  })

  it('keep few forms parsed, whatever is asked for', () => {
    const store = new FormStore()
    for (let index = 0; index < 50; index++) store.set(`k${index}`, 'one', form(`k${index}`, 30_000), onDisk)
    for (let round = 0; round < 2; round++)
      for (let index = 0; index < 50; index++)
        assert.equal(store.get(`k${index}`, 'one')?.object.metadata['name'], `k${index}`)
    assert.equal(store.get('k49', 'one'), store.get('k49', 'one'))
  })
})
