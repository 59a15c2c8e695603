import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Path, Segment } from '../model/path.ts'
import { fieldPattern } from './field-pattern.ts'
import { compileFields } from './fields.ts'

const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12 }),
  fc.constantFrom('[a=b]', 'a/b~c', '*', '__proto__', '['),
)
const value = fc.oneof(text, fc.integer(), fc.boolean())
const segment: fc.Arbitrary<Segment> = fc.oneof(
  text,
  fc.nat({ max: 20 }),
  fc.record({ value, index: fc.nat({ max: 5 }) }),
  fc.record({
    keys: fc.dictionary(fc.constantFrom('name', 'port', 'protocol'), value, {
      minKeys: 1,
      noNullPrototype: true,
    }),
    index: fc.nat({ max: 5 }),
  }),
)

test('name the place that it was made from, whatever names and values hold', () => {
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (path: Path) => {
      const pattern = fieldPattern(path)
      assert.ok(compileFields([pattern]).covers(path), pattern)
    }),
    { numRuns: 300 },
  )
})

test('spell names with slashes, and items by their keys', () => {
  assert.equal(fieldPattern(['metadata', 'annotations', 'a.b/c~d']), '/metadata/annotations/a.b~1c~0d')
  assert.equal(
    fieldPattern(['spec', 'ports', { keys: { port: 53, protocol: 'UDP' }, index: 3 }, 'nodePort']),
    '/spec/ports/[port=53,protocol=UDP]/nodePort',
  )
  assert.equal(
    fieldPattern(['metadata', 'finalizers', { value: 'a.b/c', index: 0 }]),
    '/metadata/finalizers/a.b~1c',
  )
})
