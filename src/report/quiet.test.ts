import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isQuiet } from './quiet.ts'

const night = { from: '22:00', to: '07:00', zone: 'Europe/Berlin' }
const at = (time: string) => Date.parse(time)

test('quiet over midnight, by the wall clock of the zone', () => {
  for (const [time, wanted] of [
    ['2026-01-10T20:59:59Z', false],
    ['2026-01-10T21:00:00Z', true],
    ['2026-01-11T05:59:00Z', true],
    ['2026-01-11T06:00:00Z', false],
    ['2026-07-10T20:00:00Z', true],
    ['2026-07-11T05:00:00Z', false],
  ] as const)
    assert.equal(isQuiet(night, at(time)), wanted, time)
})

test('quiet inside a day', () => {
  const noon = { from: '12:00', to: '13:30', zone: 'UTC' }
  assert.equal(isQuiet(noon, at('2026-01-10T11:59:59Z')), false)
  assert.equal(isQuiet(noon, at('2026-01-10T12:00:00Z')), true)
  assert.equal(isQuiet(noon, at('2026-01-10T13:30:00Z')), false)
})

test('quiet ends by the new time in the night in which the clock goes forward', () => {
  assert.equal(isQuiet(night, at('2026-03-29T04:59:00Z')), true)
  assert.equal(isQuiet(night, at('2026-03-29T05:00:00Z')), false)
})
