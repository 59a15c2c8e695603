import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { refKey } from '../object/identity.ts'
import { placeEntries, readEntries, writeEntry } from './inventory.ts'
import type { InventoryEntry } from './inventory.ts'

const word = fc.string({ minLength: 1, maxLength: 12 })
const entry: fc.Arbitrary<InventoryEntry> = fc.record(
  {
    ref: fc.record(
      { group: fc.string(), kind: word, namespace: fc.string(), name: word },
      { noNullPrototype: true },
    ),
    hash: fc.string(),
    keep: fc.boolean(),
  },
  { noNullPrototype: true },
)
const entries = fc
  .array(entry, { maxLength: 30 })
  .map((list) => new Map(list.map((one) => [refKey(one.ref), one])))

describe('the inventory', () => {
  it('read what was written, whatever the names hold', () => {
    fc.assert(
      fc.property(entries, (map) => {
        const text = [...map.values()].map((one) => `${writeEntry(one)}\n`).join('')
        assert.deepEqual(readEntries(text), map)
      }),
    )
  })

  it('leave out lines that are no entries', () => {
    const text =
      'x\n{}\n["a"]\n["","ConfigMap","shop","a",1]\n["","","shop","a",""]\n["","ConfigMap","shop","a",""]\n'
    assert.deepEqual(
      [...readEntries(text).values()].map(({ ref }) => ref.name),
      ['a'],
    )
  })

  it('never move an entry from one chunk to another, nor lose one, and keep chunks short', () => {
    fc.assert(
      fc.property(entries, entries, (before, after) => {
        const longest = 200
        const first = placeEntries(before, [], longest)
        const keys = first.map((chunk) => new Set(chunk.keys()))
        const second = placeEntries(after, keys, longest)
        const found = new Map(second.flatMap((chunk) => [...chunk]))
        assert.deepEqual(found, after)
        for (const [index, chunk] of second.entries()) {
          for (const key of chunk.keys()) {
            const was = keys.findIndex((one) => one.has(key))
            assert.ok(was < 0 || was === index)
          }
          const size = [...chunk.values()].reduce((sum, one) => sum + writeEntry(one).length + 1, 0)
          assert.ok(chunk.size <= 1 || size <= 2 * longest + 400)
        }
      }),
    )
  })

  it('have one chunk where there is nothing', () => {
    assert.deepEqual(placeEntries(new Map(), [], 100), [new Map()])
    assert.deepEqual(placeEntries(new Map(), [new Set(['a']), new Set(['b'])], 100), [new Map()])
  })
})
