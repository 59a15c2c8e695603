import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureText } from './render-failure.ts'
import { linesOf, secretsOf } from './render-secrets.ts'

test('say what a program said in one line', () => {
  assert.equal(failureText('Error: a\n\n  b: c\n', []), 'a b: c')
  assert.ok(failureText('x'.repeat(5000), []).length < 1100)
})

test('leave out what programs repeat of a manifest', () => {
  const text =
    'Error: cannot use [apiVersion: v1\nstringData:\n  a: hunter2\n] with config `x: 1\ny: hunter2\n`: no'
  assert.equal(failureText(text, []), 'cannot use [...]')
  assert.equal(
    failureText('with config `x: 1\ny: hunter2\n`: no [a.yaml]', []),
    'with config `...`: no [a.yaml]',
  )
})

test('know the values of Secrets: of manifests, inline patches, values and generators', () => {
  const yaml = `kind: Secret
stringData: { a: plain-value }
data: { b: ${Buffer.from('decoded-value').toString('base64')} }
---
patches: [{ patch: "kind: Secret\\nstringData: {c: inline-value}\\n" }]
secretGenerator: [{ name: x, literals: [d=literal-value] }]
---
database: { adminPassword: chart-value, host: not-secret }
`
  const secrets = secretsOf([yaml])
  for (const value of ['plain', 'decoded', 'inline', 'literal', 'chart'])
    assert.ok(secrets.includes(`${value}-value`), value)
  assert.ok(!secrets.includes('not-secret'))
  assert.deepEqual(linesOf('A=first-one\n# c\nsecond-one\n').slice(0, 3), [
    'A=first-one',
    'second-one',
    'first-one',
  ])
})
