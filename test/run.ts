/**
 * Runs the tests: `node test/run.ts [--quick | --agents | --operators | --versions] [part of a path ...]`. Quick tests first, two files at a
 * time; those on a real control plane (`*.cluster.test.ts`) after them; those with real agents (`*.agents.test.ts`) and with real
 * operators (`*.operators.test.ts`), and on other versions of Kubernetes (`*.versions.test.ts`, KUBERNETES_VERSION), only when asked for. Closes with one line that says how many passed and failed.
 */
import { globSync } from 'node:fs'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'

const root = new URL('..', import.meta.url).pathname
const words = process.argv.slice(2)
const quickOnly = words.includes('--quick')
/** Those that build programs of others first, or are for another Kubernetes. */
const asked = ['agents', 'operators', 'versions'].find((suite) => words.includes(`--${suite}`))
/** What is run on each Kubernetes version besides: the guard as it is used, and every kind's drift. */
const ON_EACH_VERSION =
  /^test\/(e2e\/(admission|watcher|cli)|drift\/random|deploy\/kustomization|bypasses\/break-glass|doctor\/doctor)\.cluster\.test\.ts$/
const parts = words.filter((word) => !word.startsWith('--'))

const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: root })
  .filter((file) => !file.includes('node_modules'))
  .filter(
    (file) =>
      /\.(agents|operators|versions)\.test\.ts$/.exec(file)?.[1] === asked ||
      (asked === 'versions' && ON_EACH_VERSION.test(file)),
  )
  .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
  .toSorted()
const isCluster = (file: string) =>
  /\.(cluster|versions)\.test\.ts$/.test(file) || file.startsWith('test/control-plane/')
const batches = [files.filter((file) => !isCluster(file)), quickOnly ? [] : files.filter(isCluster)]

const count = { passed: 0, failed: 0, skipped: 0 }
const failures: string[] = []
for (const batch of batches) await runBatch(batch)

for (const failure of failures) console.log(`failed: ${failure}`)
const skipped = count.skipped ? `, ${count.skipped} skipped` : ''
console.log(`\n${count.passed} passed, ${count.failed} failed${skipped}`)
process.exitCode = count.failed > 0 || count.passed === 0 ? 1 : 0

async function runBatch(batch: string[]): Promise<void> {
  if (batch.length === 0) return
  const stream = run({ files: batch.map((file) => root + file), concurrency: 2, timeout: 20 * 60_000 })
  stream.on('test:pass', (event) => {
    if (event.details.type === 'suite') return
    if (event.skip !== undefined) count.skipped++
    else count.passed++
  })
  stream.on('test:fail', (event) => {
    if (event.details.type === 'suite' && event.details.error?.cause === undefined) return
    count.failed++
    const { error } = event.details
    const why = (error?.cause instanceof Error ? error.cause : error)?.message ?? ''
    failures.push(
      `${event.name} (${event.file?.replace(root, '') ?? '?'}:${event.line ?? 0})\n    ${why.slice(0, 1500).replaceAll('\n', '\n    ')}`,
    )
  })
  stream.compose(spec).pipe(process.stdout, { end: false })
  await new Promise((resolve) => stream.once('end', resolve))
}
