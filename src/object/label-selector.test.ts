import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasLabels, selectsLabels } from './label-selector.ts'

const labels = { app: 'web', tier: 'front' }
const expression = (key: string, operator: string, values?: string[]) => ({
  matchExpressions: [{ key, operator, ...(values === undefined ? {} : { values }) }],
})

test('select by every label and expression', () => {
  assert.equal(selectsLabels({}, labels), true)
  assert.equal(selectsLabels({ matchLabels: { app: 'web' } }, labels), true)
  assert.equal(selectsLabels({ matchLabels: { app: 'web', a: 'b' } }, labels), false)
  assert.equal(selectsLabels(expression('app', 'In', ['web', 'api']), labels), true)
  assert.equal(selectsLabels(expression('app', 'NotIn', ['web']), labels), false)
  assert.equal(selectsLabels(expression('other', 'NotIn', ['web']), labels), true)
  assert.equal(selectsLabels(expression('tier', 'Exists'), labels), true)
  assert.equal(selectsLabels(expression('tier', 'DoesNotExist'), labels), false)
})

test('select nothing without the labels', () => {
  assert.equal(selectsLabels({ matchLabels: { app: 'web' } }, undefined), false)
  assert.equal(hasLabels(labels, { app: 'web' }), true)
  assert.equal(hasLabels(labels, { app: 'api' }), false)
  assert.equal(hasLabels(labels, { __proto__: null, toString: 'x' } as never), false)
})
