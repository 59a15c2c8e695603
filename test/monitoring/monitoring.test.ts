/** The alerts and the Grafana dashboard of deploy/monitoring: promtool takes them, and every metric in them is one that a guard serves. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse, stringify } from 'yaml'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { runCommand } from '../control-plane/run-command.ts'
import { promtool } from './promtool.ts'

const folder = new URL('../../deploy/monitoring/', import.meta.url).pathname
const { spec } = parse(await readFile(`${folder}prometheus-rule.yaml`, 'utf8'))
const board = JSON.parse(await readFile(`${folder}grafana-dashboard.json`, 'utf8'))
const rules: { alert: string; expr: string; annotations: object }[] = spec.groups.flatMap(
  ({ rules }: { rules: unknown[] }) => rules,
)
const expressions: string[] = [
  ...rules.map(({ expr }) => expr),
  ...board.panels.flatMap(({ targets }: { targets: { expr: string }[] }) => targets.map(({ expr }) => expr)),
]
const program = await promtool()
const skip = program === undefined && 'no promtool: put it on the PATH'

async function check(name: string, content: string, args: string[]): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'guard-monitoring-'))
  try {
    await writeFile(join(directory, 'rules.yaml'), stringify(spec))
    await writeFile(join(directory, name), content)
    const { code, stdout, stderr } = await runCommand(program!, [...args, name], { cwd: directory })
    assert.equal(code, 0, stdout + stderr)
  } finally {
    await rm(directory, { recursive: true })
  }
}

test('name no metric that the guard does not serve', async () => {
  const served = new Metrics()
  const described = await served.registry.getMetricsAsJSON()
  const names = new Set(described.map(({ name }) => name))
  assert.ok(expressions.length > 30)
  for (const expression of expressions) {
    const used = expression.match(/\b(gitops_guard|process|nodejs)_[a-z_]+/g) ?? []
    assert.ok(used.length > 0, expression)
    for (const name of used)
      assert.ok(names.has(name.replace(/_(bucket|sum|count)$/, '')), `${name} in ${expression}`)
  }
})

test('are rules that promtool takes', { skip }, () =>
  check('rules.yaml', stringify(spec), ['check', 'rules']),
)

test('are panels whose expressions promtool takes', { skip }, () => {
  const panels = expressions.map((expr, n) => ({ record: `panel_${n}`, expr }))
  return check('panels.yaml', stringify({ groups: [{ name: 'panels', rules: panels }] }), ['check', 'rules'])
})

test('fire when they should, and not before', { skip }, () => {
  const series = (name: string, values: string) => ({ series: name, values })
  const at = (eval_time: string, alertname: string) => ({ eval_time, alertname, exp_alerts: [] })
  const invalid = rules.find(({ alert }) => alert === 'GitOpsGuardConfigInvalid')!
  const invalidAt = (eval_time: string) => ({
    eval_time,
    alertname: invalid.alert,
    exp_alerts: [
      { exp_labels: { severity: 'warning', instance: 'a' }, exp_annotations: invalid.annotations },
    ],
  })
  const tests = {
    rule_files: ['rules.yaml'],
    tests: [
      {
        interval: '1m',
        input_series: [
          series('gitops_guard_git_age_seconds{source="shop",instance="a"}', '0+60x30'),
          series('gitops_guard_objects{status="unrepairable",instance="a"}', '0x4 1x30'),
          series('gitops_guard_config_valid{instance="a"}', '1x40'),
        ],
        alert_rule_test: [
          at('9m', 'GitOpsGuardGitUnreachable'),
          at('9m', 'GitOpsGuardUnrepairable'),
          at('20m', 'GitOpsGuardDown'),
        ],
      },
      {
        interval: '1m',
        input_series: [series('gitops_guard_config_valid{instance="a"}', '1x4 0x30')],
        alert_rule_test: [at('8m', 'GitOpsGuardConfigInvalid'), invalidAt('12m')],
      },
    ],
  }
  return check('tests.yaml', stringify(tests), ['test', 'rules'])
})
