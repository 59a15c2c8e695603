import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Metrics } from './metrics.ts'

const lines = async (metrics: Metrics) => (await metrics.text()).split('\n')

test('count what is told, under the names of the contract', async () => {
  const metrics = new Metrics({
    now: () => 100_000,
    objects: () => [
      ['inSync', 9],
      ['modified', 1],
    ],
    waiting: () => [['slack:A', 3]],
  })
  metrics.reviewed('deny', 'declared', 0.7)
  metrics.reviewed('deny', 'declared', 3)
  metrics.violated('denied', 'shop')
  metrics.driftFound('shop', 'modified')
  metrics.driftRepaired('shop', 12)
  metrics.driftUnrepairable('shop')
  metrics.watch({ group: 'apps', kind: 'Deployment', live: true, freshAt: 98_000 })
  metrics.source({ source: 'shop', revision: 'old', committedAt: 1000, askedAt: 1000 })
  metrics.source({ source: 'shop', revision: 'abc', committedAt: 50_000, askedAt: 95_000 })
  metrics.messageSent('slack:A', 17)
  metrics.messageFailed('slack:A')
  metrics.messageDead('slack:A')
  metrics.violationsDigested('slack:A', 5)
  metrics.apiRequest('PUT', 200)
  metrics.certificate('webhook', 160_000)
  metrics.configValid(false)
  const text = await lines(metrics)
  for (const line of [
    'gitops_guard_reviews_total{verdict="deny",rule="declared"} 2',
    'gitops_guard_review_duration_seconds_bucket{le="0.001",verdict="deny"} 1',
    'gitops_guard_review_duration_seconds_count{verdict="deny"} 2',
    'gitops_guard_violations_total{event="denied",source="shop"} 1',
    'gitops_guard_drift_found_total{source="shop",drift="modified"} 1',
    'gitops_guard_drift_repaired_total{source="shop"} 1',
    'gitops_guard_drift_unrepairable_total{source="shop"} 1',
    'gitops_guard_repair_seconds_sum{source="shop"} 0.012',
    'gitops_guard_watch_state{group="apps",kind="Deployment"} 1',
    'gitops_guard_watch_stale_seconds{group="apps",kind="Deployment"} 2',
    'gitops_guard_git_revision_info{source="shop",revision="abc"} 1',
    'gitops_guard_git_age_seconds{source="shop"} 5',
    'gitops_guard_git_commit_timestamp_seconds{source="shop"} 50',
    'gitops_guard_messages_sent_total{provider="slack:A"} 1',
    'gitops_guard_violations_delivered_total{provider="slack:A"} 17',
    'gitops_guard_messages_failed_total{provider="slack:A"} 1',
    'gitops_guard_messages_dead_total{provider="slack:A"} 1',
    'gitops_guard_violations_digested_total{provider="slack:A"} 5',
    'gitops_guard_messages_waiting{provider="slack:A"} 3',
    'gitops_guard_objects{status="inSync"} 9',
    'gitops_guard_api_requests_total{method="PUT",code="200"} 1',
    'gitops_guard_certificate_expiry_seconds{certificate="webhook"} 60',
    'gitops_guard_config_valid 0',
  ]) {
    assert.ok(
      text.includes(line),
      `${line} is not in\n${text.filter((it) => it.startsWith('gitops')).join('\n')}`,
    )
  }
  assert.ok(!text.some((line) => line.includes('revision="old"')))
})

test('forget a watch and a source that ended', async () => {
  const metrics = new Metrics()
  metrics.watch({ group: '', kind: 'Pod', live: true, freshAt: 0 })
  metrics.source({ source: 'shop', revision: 'abc', committedAt: 0, askedAt: 0 })
  metrics.watchEnded('', 'Pod')
  metrics.sourceEnded('shop')
  assert.ok(!(await lines(metrics)).some((line) => line.includes('"Pod"') || line.includes('"shop"')))
})

test('name and describe every metric as Prometheus wants it', async () => {
  const metrics = new Metrics()
  const described = await metrics.registry.getMetricsAsJSON()
  const own = described.filter(({ name }) => name.startsWith('gitops_guard_'))
  assert.ok(own.length > 20)
  for (const { name, help, type } of own) {
    assert.match(name, /^[a-z][a-z0-9_]*$/)
    assert.match(help, /^[A-Z].*\.$/)
    assert.equal(name.endsWith('_total'), String(type) === 'counter', name)
  }
})

test('share nothing between two guards in one process', async () => {
  const [one, two] = [new Metrics(), new Metrics()]
  one.messageFailed('a')
  assert.ok(!(await lines(two)).some((line) => line.startsWith('gitops_guard_messages_failed_total{')))
})
