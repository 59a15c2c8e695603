/** `make bypasses`: tries every way around the guard on a real API server and prints what stopped each. */
import { runRow, type Result } from './run-rows.ts'
import { allRows } from './rows/index.ts'
import { Stage } from './stage.ts'

const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const rows = allRows.filter(
  ({ row, title }) =>
    wanted.length === 0 || wanted.some((word) => word === String(row) || title.includes(word)),
)
const started = performance.now()
console.log('A control plane, a Git repository, an agent, a guard ...')
const stage = await Stage.open()
const results: Result[] = []
try {
  console.log(`ready after ${seconds()} s; ${rows.length} ways around it:\n`)
  for (const row of rows) {
    const result = await runRow(stage, row)
    results.push(result)
    console.log(lineOf(result))
  }
} finally {
  if (process.argv.includes('--log')) console.log(await stage.guard.log())
  await stage.close()
}
const open = results.filter(({ error }) => error !== undefined)
const late = results.filter((result) => result.late)
console.log(
  `\n${results.length - open.length} stopped (${late.length} of them late), ${open.length} open, in ${seconds()} s`,
)
process.exitCode = open.length > 0 ? 1 : 0

function lineOf({ row, outcome, error, late }: Result): string {
  const number = row.row === 0 ? '  ' : String(row.row).padStart(2)
  const title = row.title.padEnd(78)
  if (outcome === undefined) return `${number}  ${title}  OPEN      ${error?.message}`
  const ms = outcome.ms === undefined ? '' : `${outcome.ms.toFixed(0)} ms`
  const note = [late ? 'LATE' : '', outcome.note ?? ''].join(' ').trim()
  return `${number}  ${title}  ${outcome.stopped.padEnd(8)}  ${ms.padStart(8)}  ${note}`.trimEnd()
}

function seconds(): string {
  return ((performance.now() - started) / 1000).toFixed(1)
}
