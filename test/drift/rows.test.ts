import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allCases } from './cases/all.ts'
import { runningCases } from './running-cases.ts'

/** 1 to 18 are not drift, 19 to 27 are, 28 to 32 are neither. */
const ROWS = 32

test('every row of what is drift and what is not is tried', () => {
  const tried = new Set([...allCases, ...runningCases].map(({ row }) => row))
  const wanted = Array.from({ length: ROWS }, (_, index) => index + 1)
  assert.deepEqual(
    [...tried].toSorted((a, b) => a - b),
    wanted,
  )
})
