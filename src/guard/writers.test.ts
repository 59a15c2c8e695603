import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Actor } from '../model/actor.ts'
import type { KubeObject } from '../model/json.ts'
import type { Mode } from '../model/verdict.ts'
import { judge } from '../policy/judge.ts'
import { account, change, flux, person, policyOf, source, system } from '../policy/testing.ts'
import { enforcePreview } from './enforce-preview.ts'
import { Writers } from './writers.ts'

const updater = account('ops', 'updater')
const web = (annotations: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'web', namespace: 'shop', annotations },
  data: { a: '1' },
})
const policyIn = (mode: Mode, allowances = {}) =>
  policyOf([{ policy: source({ mode }), objects: [web()] }], { mode, ...allowances })

function seen(writers: Writers, actor: Actor, key = 'ops/x', mode: Mode = 'audit', more = {}): void {
  const policy = policyIn(mode)
  const asked = change('UPDATE', actor, web(), web({ [key]: 'secret value' }), more)
  writers.judged(asked, judge(asked, policy), policy)
}

const fresh = (file?: string) =>
  new Writers({ file, onError: () => undefined, everyMs: 0, now: () => Date.parse('2030-02-01') })

test('keep what a service account wrote in audit and in warn mode, without its values', () => {
  for (const mode of ['audit', 'warn'] as const) {
    const writers = fresh()
    seen(writers, updater, 'ops/x', mode)
    seen(writers, updater, 'ops/x', mode)
    const [record, ...more] = writers.all()
    assert.deepEqual(
      [record!.path, record!.op, record!.count, more.length],
      [['metadata', 'annotations', 'ops/x'], 'add', 2, 0],
    )
    assert.doesNotMatch(JSON.stringify(writers.toJson()), /secret value/)
  }
})

test('keep nothing of people, of agents, of the control plane, of dry-runs and while enforcing', () => {
  const writers = fresh()
  seen(writers, person('alice'))
  seen(writers, flux)
  seen(writers, system('generic-garbage-collector'))
  seen(writers, updater, 'ops/x', 'enforce')
  seen(writers, updater, 'ops/x', 'audit', { dryRun: true })
  assert.deepEqual(writers.all(), [])
})

test('stay bounded, and let no account push out the others', () => {
  const writers = fresh()
  seen(writers, updater)
  const flood = account('evil', 'flood')
  for (let number = 0; number < 1000; number++) seen(writers, flood, `evil/${number}`)
  assert.equal(writers.all().filter(({ user }) => user === flood.username).length, 400)
  assert.equal(writers.all().filter(({ user }) => user === updater.username).length, 1)
  assert.deepEqual(writers.toJson().truncated, [flood.username])
})

test('survive a restart, and start without a file that is torn', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'writers-'))
  try {
    const file = join(directory, 'state', 'writers.json')
    const writers = fresh(file)
    seen(writers, updater)
    await writers.stop()
    assert.deepEqual(fresh(file).all(), writers.all())
    await writeFile(file, (await readFile(file, 'utf8')).slice(0, 40))
    assert.deepEqual(fresh(file).all(), [])
    await writeFile(file, '{"version":1,"written":[{"user":1}]}')
    assert.deepEqual(fresh(file).all(), [])
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('say who is refused from now on, once, and only where it was not refused before', () => {
  const writers = fresh()
  seen(writers, updater)
  const preview = (policy: ReturnType<typeof policyIn>, before?: ReturnType<typeof policyIn>) =>
    enforcePreview(writers.all(), { policy, before, time: 0 })
  assert.equal(preview(policyIn('audit')), undefined)
  assert.equal(preview(policyIn('enforce'), policyIn('enforce')), undefined)
  const found = preview(policyIn('enforce'), policyIn('audit'))
  assert.match(
    found!.lines[0]!,
    /^\+ system:serviceaccount:ops:updater {2}ConfigMap shop\/web {2}\/metadata\/annotations\/ops~1x/,
  )
  assert.equal(found!.violation.rule, 'enforce-preview')
  // The same configuration may bring the allowance.
  const allowances = [
    {
      name: 'a',
      reason: '',
      users: [updater.username],
      objects: {},
      fields: ['/metadata/annotations/ops~1*'],
    },
  ]
  assert.equal(preview(policyIn('enforce', { allowances }), policyIn('audit')), undefined)
  assert.notEqual(preview(policyIn('enforce')), undefined)
  writers.told(found!.refused)
  assert.equal(preview(policyIn('enforce')), undefined)
})
