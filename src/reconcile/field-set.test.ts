import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FieldSet } from './field-set.ts'

const element = fc.constantFrom(
  'f:a',
  'f:b',
  'f:__proto__',
  'k:{"name":"x"}',
  'k:{"name":"y"}',
  'v:"s"',
  'i:0',
)
const path = fc.array(element, { minLength: 1, maxLength: 4 })
const paths = fc.array(path, { maxLength: 12 })
const texts = (set: FieldSet) => [...set.paths()].map((one) => one.join(' ')).toSorted()
const setOf = (list: string[][]) => [...new Set(list.map((one) => one.join(' ')))].toSorted()

describe('a set of fields', () => {
  it('read and write what the API server wrote', () => {
    const fields = {
      'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
      'f:spec': {
        'f:selector': {},
        'f:containers': { 'k:{"name":"web"}': { '.': {}, 'f:image': {} } },
        'f:finalizers': { 'v:"a"': {} },
      },
    }
    const set = FieldSet.parse(fields)
    assert.deepEqual(set.toJson(), fields)
    assert.equal(set.has(['f:metadata']), false)
    assert.equal(set.has(['f:metadata', 'f:labels']), true)
    assert.equal(set.has(['f:spec', 'f:containers', 'k:{"name":"web"}', 'f:image']), true)
    assert.equal(set.size, 6)
  })

  it('drop what is no path element', () => {
    assert.deepEqual(FieldSet.parse({ x: {}, 'q:1': {}, __proto__: {}, 'f:a': {} }).toJson(), { 'f:a': {} })
    assert.ok(FieldSet.parse('text').isEmpty)
  })

  it('take keys in another order and escaped characters for the same', () => {
    const set = FieldSet.parse({ 'k:{"protocol":"TCP","port":53}': {}, 'v:"a\\u003cb"': {} })
    assert.equal(set.has(['k:{"port":53,"protocol":"TCP"}']), true)
    assert.equal(set.has(['v:"a<b"']), true)
  })

  it('touch a place by what is below it and by an atomic whole above it', () => {
    const set = FieldSet.of([
      ['f:spec', 'f:selector'],
      ['f:data', 'f:a'],
    ])
    assert.equal(set.touches(['f:spec', 'f:selector', 'f:matchLabels', 'f:app']), true)
    assert.equal(set.touches(['f:data']), true)
    assert.equal(set.touches(['f:data', 'f:b']), false)
  })

  it('behave as a set of paths', () => {
    fc.assert(
      fc.property(paths, paths, (a, b) => {
        const [one, other] = [FieldSet.of(a), FieldSet.of(b)]
        const [left, right] = [setOf(a), setOf(b)]
        const common = left.filter((text) => right.includes(text))
        assert.deepEqual(texts(one), left)
        assert.deepEqual(texts(one.union(other)), setOf([...a, ...b]))
        assert.deepEqual(
          texts(one.difference(other)),
          left.filter((text) => !right.includes(text)),
        )
        assert.deepEqual(texts(one.intersection(other)), common)
        assert.equal(one.equals(other), common.length === left.length && common.length === right.length)
        assert.equal(one.size, left.length)
      }),
    )
  })

  it('survive being written and read', () => {
    fc.assert(
      fc.property(paths, (list) => {
        const set = FieldSet.of(list)
        assert.ok(FieldSet.parse(JSON.parse(JSON.stringify(set.toJson()))).equals(set))
      }),
    )
  })

  it('hold back nothing: what is taken out and put in again is the same', () => {
    fc.assert(
      fc.property(paths, paths, (a, b) => {
        const [one, other] = [FieldSet.of(a), FieldSet.of(b)]
        assert.ok(one.difference(other).union(one.intersection(other)).equals(one))
      }),
    )
  })
})
