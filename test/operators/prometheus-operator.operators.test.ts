/** The real Prometheus Operator: workloads, their configuration and rules made of what Git declares, scaled and removed by Git. */
import type { Attempt } from './persistent-alice.ts'
import { namespace, tellDay } from './operator-day.ts'
import { prometheusOperator } from './prometheus-operator.ts'
import type { Stage } from './stage.ts'

const MONITORING = '/apis/monitoring.coreos.com/v1'

tellDay({
  title: 'Prometheus Operator under the guard',
  operator: () => prometheusOperator,
  proposes: ['prometheus-operator'],
  work: async (stage, day) => {
    await install(stage, day)
    await scale(stage, day)
    await change(stage, day)
  },
  end: remove,
  attempts: (day) => [
    patch(`${MONITORING}/namespaces/${day}/prometheuses/main`, { spec: { replicas: 7 } }),
    patch(`${MONITORING}/namespaces/${day}/prometheuses/main/scale`, { spec: { replicas: 7 } }),
    patch(`${MONITORING}/namespaces/${day}/prometheuses/main`, {
      metadata: { finalizers: ['evil.example/x'] },
    }),
    patch(`${MONITORING}/namespaces/${day}/alertmanagers/main`, { spec: { paused: true } }),
    patch(`${MONITORING}/namespaces/${day}/prometheusrules/shop`, { spec: { groups: [] } }),
    // What the operator made of them is Git's state one step on.
    patch(`/apis/apps/v1/namespaces/${day}/statefulsets/prometheus-main`, { spec: { replicas: 7 } }),
    patch(`/api/v1/namespaces/${day}/secrets/prometheus-main`, {
      data: { 'prometheus.yaml.gz': 'ZXZpbA==' },
    }),
    patch(`/api/v1/namespaces/${day}/configmaps/prometheus-main-rulefiles-0`, { data: { evil: 'x' } }),
    { method: 'DELETE', path: `/apis/apps/v1/namespaces/${day}/statefulsets/alertmanager-main` },
  ],
})

function patch(path: string, body: object): Attempt {
  return { path, body }
}

async function install(stage: Stage, day: string): Promise<void> {
  await stage.roll('Prometheus', {
    [`${day}/0-namespace.yaml`]: [namespace(day)],
    [`${day}/account.yaml`]: [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'prometheus', namespace: day } },
    ],
    [`${day}/prometheus.yaml`]: [prometheus(day, 1)],
    [`${day}/alertmanager.yaml`]: [custom(day, 'Alertmanager', 'main', { replicas: 1 })],
    [`${day}/rules.yaml`]: [rule(day, 'vector(1)'), monitor(day)],
  })
  for (const name of ['prometheus-main', 'alertmanager-main']) await running(stage, day, name, 1)
  await stage.becomes('the rules are there', rulesOf(day), ({ data }) =>
    JSON.stringify(data).includes('vector(1)'),
  )
}

async function scale(stage: Stage, day: string): Promise<void> {
  for (const replicas of [3, 2]) {
    await stage.roll(`${replicas} of each`, {
      [`${day}/prometheus.yaml`]: [prometheus(day, replicas)],
      [`${day}/alertmanager.yaml`]: [custom(day, 'Alertmanager', 'main', { replicas })],
    })
    for (const name of ['prometheus-main', 'alertmanager-main']) await running(stage, day, name, replicas)
  }
}

async function change(stage: Stage, day: string): Promise<void> {
  await stage.roll('Other rules', { [`${day}/rules.yaml`]: [rule(day, 'vector(2)'), monitor(day)] })
  await stage.becomes('the rules changed', rulesOf(day), ({ data }) =>
    JSON.stringify(data).includes('vector(2)'),
  )
  await stage.roll('A newer Prometheus', {
    [`${day}/prometheus.yaml`]: [prometheus(day, 2, { version: 'v3.5.0', retention: '5d' })],
  })
  await stage.becomes(
    'Prometheus is updated',
    `${MONITORING}/namespaces/${day}/prometheuses/main`,
    ({ status }) => {
      return status?.updatedReplicas === 2 && status.availableReplicas === 2
    },
  )
}

/** Its finalizer lets the object go once the operator has cleaned up. */
async function remove(stage: Stage, day: string): Promise<void> {
  await stage.roll('No Prometheus', { [`${day}/prometheus.yaml`]: undefined })
  await stage.vanishes(`${MONITORING}/namespaces/${day}/prometheuses/main`)
  await stage.vanishes(`/apis/apps/v1/namespaces/${day}/statefulsets/prometheus-main`)
}

async function running(stage: Stage, day: string, name: string, replicas: number): Promise<void> {
  await stage.becomes(
    `${name} runs ${replicas}`,
    `/apis/apps/v1/namespaces/${day}/statefulsets/${name}`,
    ({ spec, status }) => spec.replicas === replicas && status.availableReplicas === replicas,
  )
}

const rulesOf = (day: string) => `/api/v1/namespaces/${day}/configmaps/prometheus-main-rulefiles-0`

function prometheus(day: string, replicas: number, more: object = {}): object {
  const everything = { matchLabels: {} }
  return custom(day, 'Prometheus', 'main', {
    replicas,
    serviceAccountName: 'prometheus',
    ruleSelector: everything,
    serviceMonitorSelector: everything,
    alerting: { alertmanagers: [{ namespace: day, name: 'alertmanager-operated', port: 'web' }] },
    ...more,
  })
}

function rule(day: string, expr: string): object {
  const groups = [{ name: 'shop', rules: [{ alert: 'ShopDown', expr, for: '1m' }] }]
  return custom(day, 'PrometheusRule', 'shop', { groups })
}

function monitor(day: string): object {
  return custom(day, 'ServiceMonitor', 'shop', {
    selector: { matchLabels: { app: 'shop' } },
    endpoints: [{ port: 'http' }],
  })
}

function custom(namespace: string, kind: string, name: string, spec: object): object {
  return { apiVersion: 'monitoring.coreos.com/v1', kind, metadata: { name, namespace }, spec }
}
