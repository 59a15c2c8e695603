import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { appendFile, mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Violation } from '../model/violation.ts'
import { readHistory } from './read-history.ts'
import { ViolationHistory, type HistoryOptions } from './violation-history.ts'
import type { ViolationFilter } from './violation-filter.ts'

const MINUTE = 60_000

function violation(id: string, changed: Partial<Violation> = {}): Violation {
  return {
    id,
    time: new Date().toISOString(),
    event: 'denied',
    verdict: 'deny',
    rule: 'declared',
    reason: 'Git declares it',
    operation: 'UPDATE',
    subresource: '',
    actor: { username: 'alice', groups: [], authenticated: true },
    object: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' },
    source: 'shop',
    changes: [],
    remedy: 'none',
    ...changed,
  }
}

async function folder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'guard-history-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

function open(t: TestContext, options: HistoryOptions): ViolationHistory {
  const history = new ViolationHistory(options)
  t.after(() => history.close())
  return history
}

async function ids(history: ViolationHistory, filter: ViolationFilter = {}): Promise<string[]> {
  return (await Array.fromAsync(history.read(filter))).map(({ id }) => id)
}

test('read what was appended, newest first, after a restart too', async (t) => {
  const directory = await folder(t)
  const first = open(t, { directory })
  for (const id of ['a', 'b', 'c']) first.append(violation(id))
  assert.deepEqual(await ids(first), ['c', 'b', 'a'])
  first.close()
  const second = open(t, { directory })
  second.append(violation('d'))
  assert.deepEqual(await ids(second), ['d', 'c', 'b', 'a'])
})

test('hold in memory what no folder takes, the newest thousand', async (t) => {
  const history = open(t, {})
  for (let n = 1; n <= 2500; n++) history.append(violation(String(n)))
  const found = await ids(history)
  assert.equal(found[0], '2500')
  assert.ok(found.length <= 1000 && found.length > 0, String(found.length))
})

test('find by time, actor, object, event and source', async (t) => {
  const history = open(t, { directory: await folder(t) })
  history.append(violation('old', { time: new Date(Date.now() - 90 * MINUTE).toISOString() }))
  history.append(violation('bob', { actor: { username: 'bob', groups: [], authenticated: true } }))
  history.append(violation('drift', { event: 'drift' }))
  const policy = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', namespace: 'till', name: 'x' }
  history.append(violation('policy', { object: policy, source: 'till' }))
  assert.deepEqual(await ids(history, { since: Date.now() - 60 * MINUTE }), ['policy', 'drift', 'bob'])
  assert.deepEqual(await ids(history, { user: 'bob' }), ['bob'])
  assert.deepEqual(await ids(history, { events: ['drift', 'repaired'] }), ['drift'])
  assert.deepEqual(await ids(history, { namespace: 'till' }), ['policy'])
  assert.deepEqual(await ids(history, { source: 'shop' }), ['drift', 'bob', 'old'])
  for (const kind of ['netpol', 'networkpolicies', 'NetworkPolicy', 'networkpolicy.networking.k8s.io'])
    assert.deepEqual(await ids(history, { kind, name: 'x' }), ['policy'], kind)
  for (const kind of ['deploy', 'deployments', 'deployments.apps', 'Deployment'])
    assert.deepEqual(await ids(history, { kind, name: 'web' }), ['drift', 'bob', 'old'], kind)
})

test('stay within its bytes: the oldest go', async (t) => {
  const directory = await folder(t)
  const history = open(t, { directory, maxBytes: 40_000, segmentBytes: 10_000 })
  for (let n = 1; n <= 1000; n++) history.append(violation(String(n)))
  const sizes = await Promise.all((await readdir(directory)).map((name) => stat(join(directory, name))))
  const bytes = sizes.reduce((sum, { size }) => sum + size, 0)
  assert.ok(bytes <= 50_000, `${bytes} bytes`)
  const found = await ids(history)
  assert.equal(found[0], '1000')
  assert.ok(found.length > 50 && found.length < 200, String(found.length))
})

test('forget what is older than its age', async (t) => {
  const directory = await folder(t)
  const first = open(t, { directory, segmentBytes: 2000 })
  for (let n = 1; n <= 40; n++) first.append(violation(String(n)))
  first.close()
  const files = (await readdir(directory)).toSorted()
  assert.ok(files.length > 3)
  const old = new Date(Date.now() - 31 * 24 * 60 * MINUTE)
  for (const name of files.slice(0, 2)) await utimes(join(directory, name), old, old)
  open(t, { directory, segmentBytes: 2000 })
  assert.deepEqual((await readdir(directory)).toSorted(), files.slice(2))
})

test('lose nothing that was appended before a SIGKILL, and pass over what was cut short', async (t) => {
  const directory = await folder(t)
  const module = new URL('violation-history.ts', import.meta.url).href
  const script = `
    import { ViolationHistory } from ${JSON.stringify(module)}
    const history = new ViolationHistory({ directory: process.argv[1], segmentBytes: 5000 })
    const one = JSON.parse(process.argv[2])
    for (let n = 1; n <= 100; n++) history.append({ ...one, id: String(n) })
    process.kill(process.pid, 'SIGKILL')
  `
  const args = ['--input-type=module', '-e', script, directory, JSON.stringify(violation('x'))]
  const child = spawn(process.execPath, args, { stdio: 'inherit' })
  const signal = await new Promise((resolve) => child.once('exit', (_code, name) => resolve(name)))
  assert.equal(signal, 'SIGKILL')
  const newest = (await readdir(directory)).toSorted().at(-1)!
  await appendFile(join(directory, newest), '{"seq":101,"violation":{"id":"half')
  // As a command reads it, beside a guard that runs: nothing is mended.
  const size = (await stat(join(directory, newest))).size
  const read = await Array.fromAsync(readHistory(directory))
  assert.deepEqual([read.length, read[0]!.id, read.at(-1)!.id], [100, '100', '1'])
  assert.equal((await stat(join(directory, newest))).size, size)
  const history = open(t, { directory })
  history.append(violation('after'))
  assert.deepEqual((await ids(history)).slice(0, 2), ['after', '100'])
})

test('read no folder as no violations', async () => {
  assert.deepEqual(await Array.fromAsync(readHistory('/nonexistent/history')), [])
})

test('tell listeners of each, until they want no more', (t) => {
  const history = open(t, {})
  const heard: string[] = []
  const stop = history.listen(({ id }) => heard.push(id))
  history.append(violation('a'))
  stop()
  history.append(violation('b'))
  assert.deepEqual(heard, ['a'])
  assert.equal(history.count, 2)
})
