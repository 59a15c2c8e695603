import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KubeObject } from '../model/json.ts'
import { policyReports, type ReportEntry } from './policy-report.ts'
import { RecentDenials } from './recent-denials.ts'
import { ReportKeeper } from './report-keeper.ts'
import { someViolation } from './testing/violations.ts'

const KINDS = { apiVersion: 'openreports.io/v1alpha1', report: 'Report', clusterReport: 'ClusterReport' }
const TIME = Date.parse('2026-11-24T10:00:00Z')

const entry = (n: number, over: Partial<ReportEntry> = {}): ReportEntry => ({
  source: 'shop',
  object: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: `c${n}` },
  rule: 'modified',
  result: 'fail',
  severity: 'medium',
  message: 'differs',
  time: TIME + n,
  properties: {},
  ...over,
})
const reportsOf = (entries: ReportEntry[], replica = 'guard-1') => policyReports(entries, KINDS, replica)

describe('reports', () => {
  test('are one for each namespace and source, and cluster-wide for what has no namespace', () => {
    const object = { apiVersion: 'v1', kind: 'Namespace', namespace: '', name: 'shop' }
    const reports = reportsOf([entry(1), entry(2), entry(3, { source: 'till' }), entry(4, { object })])
    assert.deepEqual(
      reports.map(({ kind, metadata, summary }) => [kind, metadata['namespace'], summary]),
      [
        ['ClusterReport', undefined, { pass: 0, fail: 1, warn: 0, error: 0, skip: 0 }],
        ['Report', 'shop', { pass: 0, fail: 2, warn: 0, error: 0, skip: 0 }],
        ['Report', 'shop', { pass: 0, fail: 1, warn: 0, error: 0, skip: 0 }],
      ],
    )
    assert.equal(new Set(reports.map(({ metadata }) => String(metadata['name']))).size, 2)
  })

  test('show the newest hundred and count all, whatever order they come in', () => {
    const entries = Array.from({ length: 5000 }, (_, n) => entry(n))
    const [report] = reportsOf(entries)
    assert.deepEqual(reportsOf(entries.toReversed()), [report])
    const results = report!['results'] as { resources: { name: string }[] }[]
    assert.equal(results.length, 100)
    assert.equal(results[0]!.resources[0]!.name, 'c4999')
    assert.equal((report!['summary'] as { fail: number }).fail, 5000)
    assert.ok(reportsOf(Array.from({ length: 5000 }, (_, n) => entry(n, { source: `s${n}` }))).length <= 1000)
  })

  test('are names and labels that the API server takes, whatever sources and replicas are called', () => {
    for (const name of ['flux:shop/web', 'Ünï', 'a'.repeat(300), '-x-']) {
      const [report] = reportsOf([entry(1, { source: name })], name)
      assert.match(String(report!.metadata['name']), /^gitops-guard-[\da-f]{12}$/)
      const { 'gitops-guard.dev/replica': label } = report!.metadata['labels'] as Record<string, string>
      assert.match(label!, /^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/)
    }
  })
})

describe('recent denials', () => {
  test('are counted by object and rule, and over after an hour', () => {
    const recent = new RecentDenials()
    for (const id of ['a', 'b', 'c']) recent.accept(someViolation({ id }))
    recent.accept(someViolation({ event: 'warned', rule: 'connect' }))
    recent.accept(someViolation({ event: 'repaired' }))
    const entries = recent.entries(TIME + 1000)
    assert.deepEqual(
      entries.map(({ result, properties }) => [result, properties['id'], properties['count']]),
      [
        ['fail', 'c', '3'],
        ['warn', 'a1b2c3d4e5f6', '1'],
      ],
    )
    assert.deepEqual(recent.entries(TIME + 3_600_001), [])
  })

  test('are two thousand at most', () => {
    const recent = new RecentDenials()
    for (let n = 0; n < 2500; n++) recent.accept(someViolation({ rule: `r${n}` }))
    const rules = recent.entries(TIME).map(({ rule }) => rule)
    assert.deepEqual([rules.length, rules[0], rules.at(-1)], [2000, 'r500', 'r2499'])
  })
})

describe('the keeper', () => {
  const world = () => {
    const calls: string[] = []
    const there: KubeObject[] = []
    const keeper = new ReportKeeper({
      list: () => (calls.push('list'), Promise.resolve(there)),
      write: (report) => (calls.push(`write ${String(report.metadata['name'])}`), Promise.resolve()),
      remove: (report) => (calls.push(`remove ${String(report.metadata['name'])}`), Promise.resolve()),
    })
    return { keeper, there, taken: () => calls.splice(0) }
  }
  const nameOf = (report: KubeObject) => String(report.metadata['name'])

  test('asks nothing while nothing changes, writes what changed and removes what is over', async () => {
    const { keeper, taken } = world()
    const [one] = reportsOf([entry(1)])
    await keeper.keep([one!], ['guard-1'], true)
    assert.deepEqual(taken(), ['list', `write ${nameOf(one!)}`])
    await keeper.keep(reportsOf([entry(1)]), ['guard-1'], true)
    assert.deepEqual(taken(), [])
    await keeper.keep(reportsOf([entry(1), entry(2)]), ['guard-1'], true)
    assert.deepEqual(taken(), [`write ${nameOf(one!)}`])
    await keeper.keep([], ['guard-1'], true)
    assert.deepEqual(taken(), [`remove ${nameOf(one!)}`])
    await keeper.keep([], ['guard-1'], true)
    assert.deepEqual(taken(), [])
  })

  test('removes what it left behind, and what replicas left that are gone, where that is its to do', async () => {
    const [own] = reportsOf([entry(1)])
    const [gone] = reportsOf([entry(1)], 'guard-0')
    const [other] = reportsOf([entry(1)], 'guard-2')
    for (const cleans of [true, false]) {
      const { keeper, there, taken } = world()
      there.push(own!, gone!, other!)
      await keeper.keep([], ['guard-1', 'guard-2'], cleans)
      assert.deepEqual(taken(), [
        'list',
        ...(cleans ? [`remove ${nameOf(gone!)}`] : []),
        `remove ${nameOf(own!)}`,
      ])
    }
  })

  test('writes fifty at a time, and again what failed', async () => {
    const { keeper, taken } = world()
    const many = reportsOf(Array.from({ length: 120 }, (_, n) => entry(n, { source: `s${n}` })))
    const counts: number[] = []
    for (let round = 0; round < 4; round++) {
      await keeper.keep(many, ['guard-1'], true)
      counts.push(taken().filter((call) => call.startsWith('write')).length)
    }
    assert.deepEqual(counts, [50, 50, 20, 0])
    let fails = true
    let written = 0
    const flaky = new ReportKeeper({
      list: () => Promise.resolve([]),
      write: () => (fails ? Promise.reject(new Error('no')) : Promise.resolve(void written++)),
      remove: () => Promise.resolve(),
    })
    await assert.rejects(flaky.keep(many.slice(0, 1), ['guard-1'], true), /no/)
    fails = false
    await flaky.keep(many.slice(0, 1), ['guard-1'], true)
    assert.equal(written, 1)
  })
})
