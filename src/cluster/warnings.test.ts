import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readWarnings } from './warnings.ts'

it('read every warning, quoted as it may be', () => {
  const headersDistinct = {
    warning: [
      '299 - "unknown field \\"spec.foo\\""',
      '299 - "v1 Endpoints is deprecated", 299 - "back\\\\slash"',
    ],
  }
  assert.deepEqual(readWarnings({ headersDistinct }), [
    'unknown field "spec.foo"',
    'v1 Endpoints is deprecated',
    'back\\slash',
  ])
  assert.deepEqual(readWarnings({ headersDistinct: {} }), [])
})
