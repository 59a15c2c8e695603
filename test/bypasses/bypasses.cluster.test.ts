/** Every row of the list of ways around admission, and more of the same kinds, on one control plane with one guard. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { runRow } from './run-rows.ts'
import { allRows } from './rows/index.ts'
import { Stage } from './stage.ts'

let stage: Stage
before(async () => {
  stage = await Stage.open()
})
after(() => stage?.close())

for (const row of allRows) {
  test(`${row.expect}: ${row.row === 0 ? '' : `row ${row.row}, `}${row.title}`, async () => {
    const { error } = await runRow(stage, row)
    assert.equal(error?.message, undefined)
  })
}

test('every row of the list is tried', () => {
  const tried = new Set(allRows.map(({ row }) => row))
  for (let row = 1; row <= 44; row++) assert.ok(tried.has(row), `row ${row} is not tried`)
})
