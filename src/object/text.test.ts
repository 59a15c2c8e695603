import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { escapeText } from './text.ts'

test('what a terminal would obey is written out', () => {
  assert.equal(escapeText('a\u001b[31mred\u001b[0m\r\nb'), 'a\\u001b[31mred\\u001b[0m\\r\\nb')
  assert.equal(escapeText('user\u202etxt.exe'), 'user\\u202etxt.exe')
  assert.equal(escapeText('a\u{e0041}b\u200bc\u3164'), 'a\\u{e0041}b\\u200bc\\u3164')
})

test('text in any language stays as it is', () => {
  assert.equal(escapeText('Größe 日本語 🙂 é'), 'Größe 日本語 🙂 é')
})

test('no text comes out longer than asked for, or with anything unseen', () => {
  const any = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('🙂', '\ud83d', '\u202e', 'a', '\n') }),
  )
  fc.assert(
    fc.property(any, fc.integer({ min: 1, max: 40 }), (text, max) => {
      const escaped = escapeText(text, max)
      assert.ok(escaped.length <= max)
      assert.doesNotMatch(escaped, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      if (text.length > max) assert.ok(escaped.endsWith('…'))
    }),
  )
})
