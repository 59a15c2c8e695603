/** The real Flagger: canaries that Git begins, analysed and promoted to their end, while alice is refused all that Git and Flagger decide. */
import assert from 'node:assert/strict'
import { namespace, tellDay } from '../operators/operator-day.ts'
import type { Attempt } from '../operators/persistent-alice.ts'
import type { Stage } from '../operators/stage.ts'
import { flagger } from './flagger.ts'

const canaryPath = (day: string) => `/apis/flagger.app/v1beta1/namespaces/${day}/canaries/web`
const deploymentPath = (day: string, name: string) => `/apis/apps/v1/namespaces/${day}/deployments/${name}`
const servicePath = (day: string, name: string) => `/api/v1/namespaces/${day}/services/${name}`

tellDay({
  title: 'Flagger under the guard',
  operator: () => flagger,
  proposes: ['flagger'],
  work: async (stage, day) => {
    await stage.roll('A shop with a canary', {
      [`${day}/0-namespace.yaml`]: [namespace(day)],
      [`${day}/web.yaml`]: [web(day, 'shop:1')],
      [`${day}/canary.yaml`]: [canary(day)],
    })
    await stage.becomes('the primary is up', canaryPath(day), ({ status }) => status?.phase === 'Initialized')
    for (const image of ['shop:2', 'shop:3']) await release(stage, day, image)
  },
  attempts: (day) => [
    patch(deploymentPath(day, 'web'), { spec: { template: { metadata: { labels: { evil: 'x' } } } } }),
    patch(`${deploymentPath(day, 'web')}/scale`, { spec: { replicas: 9 } }),
    patch(canaryPath(day), { spec: { skipAnalysis: true } }),
    patch(canaryPath(day), { spec: { suspend: true } }),
    patch(deploymentPath(day, 'web-primary'), {
      spec: { template: { metadata: { labels: { evil: 'x' } } } },
    }),
    patch(servicePath(day, 'web'), { spec: { selector: { app: 'evil' } } }),
    { method: 'DELETE', path: canaryPath(day) },
    { method: 'DELETE', path: servicePath(day, 'web') },
  ],
})

/** Git changes the image; Flagger scales the canary up, shifts, promotes it, and scales it down again. */
async function release(stage: Stage, day: string, image: string): Promise<void> {
  await stage.roll(`Release ${image}`, { [`${day}/web.yaml`]: [web(day, image)] })
  await stage.becomes(`${image} is analysed`, canaryPath(day), ({ status }) => status.phase === 'Progressing')
  await stage.becomes(
    `${image} is promoted`,
    canaryPath(day),
    ({ status }) => status.phase === 'Succeeded',
    120_000,
  )
  const { body: primary } = await stage.get(deploymentPath(day, 'web-primary'))
  assert.equal(primary.spec.template.spec.containers[0].image, image)
  await stage.becomes(
    'the canary is scaled down',
    deploymentPath(day, 'web'),
    ({ spec }) => spec.replicas === 0,
  )
  const { body: service } = await stage.get(servicePath(day, 'web'))
  assert.equal(service.spec.selector.app, 'web-primary')
}

function patch(path: string, body: object): Attempt {
  return { path, body }
}

function canary(namespace: string): object {
  return {
    apiVersion: 'flagger.app/v1beta1',
    kind: 'Canary',
    metadata: { name: 'web', namespace },
    spec: {
      provider: 'kubernetes',
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      progressDeadlineSeconds: 60,
      service: { port: 80, targetPort: 8080 },
      analysis: { interval: '1s', threshold: 2, iterations: 2, metrics: [] },
    },
  }
}

function web(namespace: string, image: string): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'shop', image }], terminationGracePeriodSeconds: 0 },
      },
    },
  }
}
