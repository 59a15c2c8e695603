import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { warnings } from './warnings.ts'

test('a long line breaks between words', () => {
  const text = Array.from({ length: 60 }, (_, i) => `word${i}`).join(' ')
  const lines = warnings(text, '(id 1)')
  assert.equal(lines.length, 2)
  assert.equal(lines.join(' '), `${text} (id 1)`)
})

test('a line without spaces breaks where it must', () => {
  assert.deepEqual(
    warnings('x'.repeat(300), '(id 1)').map((line) => line.length),
    [256, 51],
  )
})

test('the closing is there, however long the text', () => {
  const lines = warnings('word '.repeat(10_000), '(id 1)')
  assert.ok(lines.at(-1)!.endsWith('(id 1)'))
})

test('any text gives warnings that the API server passes on whole', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 6000 }), (text) => {
      const lines = warnings(text, '(id 1)')
      let total = 0
      for (const line of lines) {
        assert.ok([...line].length <= 256)
        assert.ok(line.length > 0 && line.isWellFormed())
        assert.doesNotMatch(line, /\p{Cc}/u)
        total += Buffer.byteLength(line)
      }
      assert.ok(total <= 4096)
    }),
  )
})
