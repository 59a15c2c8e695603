import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Json, JsonObject } from '../model/json.ts'
import { cloneJson, equalJson, fieldOf, parseJson, setKey, stableStringify, stringifyJson } from './json.ts'

/** JSON as a text, with huge integers and keys that JavaScript treats apart. */
const key = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString', '1', 'toJSON'))
const scalar = fc.oneof(
  fc.constant('null'),
  fc.constantFrom('true', 'false'),
  fc.string().map((text) => JSON.stringify(text)),
  fc.integer().map(String),
  fc.bigInt(-(10n ** 30n), 10n ** 30n).map(String),
)
const { text } = fc.letrec<{ text: string }>((tie) => ({
  text: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('text')).map((items) => `[${items.join(',')}]`),
    fc
      .uniqueArray(fc.tuple(key, tie('text')), { selector: ([name]) => name })
      .map((pairs) => `{${pairs.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`),
  ),
}))

/** Integers as JavaScript orders keys: those go first. */
const inKeyOrder = (value: Json) => stableStringify(value)

test('write what was read, to the last digit', () => {
  fc.assert(
    fc.property(text, (written) => {
      const value = parseJson(written)
      assert.equal(inKeyOrder(parseJson(stringifyJson(value))), inKeyOrder(value))
      // Token by token the same, whatever the order of keys: nothing was rounded or lost.
      const tokens = (json: string) => json.match(/"(?:[^"\\]|\\.)*"|[^\s[\]{},:]+/g)?.toSorted() ?? []
      assert.deepEqual(tokens(stringifyJson(value)), tokens(written))
    }),
  )
})

test('keep integers beyond 2^53', () => {
  const written =
    '{"a":9007199254740993,"b":[-123456789012345678901234567890],"c":"9007199254740993","d":9007199254740991}'
  const value = parseJson(written) as JsonObject
  assert.equal(value['a'], 9007199254740993n)
  assert.equal(value['c'], '9007199254740993')
  assert.equal(value['d'], 9007199254740991)
  assert.equal(stringifyJson(value), written)
})

test('keep __proto__ as a key like any other, and no object changed by it', () => {
  for (const written of [
    '{"__proto__":{"polluted":true}}',
    '{"n":12345678901234567890,"__proto__":{"polluted":true}}',
  ]) {
    const value = cloneJson(parseJson(written)) as JsonObject
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
    assert.equal(Object.hasOwn(value, '__proto__'), true)
    assert.equal(stringifyJson(value), written)
    assert.equal((value as { polluted?: boolean }).polluted, undefined)
  }
  const object: JsonObject = {}
  setKey(object, '__proto__', { a: 1 })
  assert.equal(stringifyJson(object), '{"__proto__":{"a":1}}')
})

test('no field is found that only the prototype has', () => {
  assert.equal(fieldOf({}, 'constructor'), undefined)
  assert.equal(fieldOf([1], 'length'), undefined)
})

test('equal whatever the order of keys, and never otherwise', () => {
  const reversed = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(reversed)
    if (typeof value !== 'object' || value === null) return value
    const copy: JsonObject = {}
    for (const name of Object.keys(value).reverse()) setKey(copy, name, reversed(value[name]!))
    return copy
  }
  fc.assert(
    fc.property(text, text, (first, second) => {
      const a = parseJson(first)
      const b = parseJson(second)
      assert.equal(equalJson(a, reversed(a)), true)
      assert.equal(equalJson(a, b), stableStringify(a) === stableStringify(b))
    }),
  )
})

test('numbers are equal by value', () => {
  assert.equal(equalJson(parseJson('[1.0, 10000000000000000]'), parseJson('[1, 1e16]')), true)
  assert.equal(stableStringify(parseJson('10000000000000000')), stableStringify(parseJson('1e16')))
  assert.equal(equalJson(1, '1'), false)
  assert.equal(equalJson(0, false), false)
  assert.equal(equalJson(undefined, null), false)
  assert.equal(equalJson([], {}), false)
  assert.equal(equalJson(parseJson('{"__proto__":{}}'), { x: 1 }), false)
})

test('a clone shares nothing', () => {
  const value = { a: [{ b: 1 }] }
  const copy = cloneJson(value)
  copy.a[0]!.b = 2
  assert.equal(value.a[0]!.b, 1)
})
