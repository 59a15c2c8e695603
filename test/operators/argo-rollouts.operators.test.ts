/** The real Argo Rollouts: canaries that Git begins, promoted, aborted and reverted, and an autoscaler that scales them. */
import assert from 'node:assert/strict'
import type { Attempt } from './persistent-alice.ts'
import { argoRollouts } from './argo-rollouts.ts'
import { namespace, tellDay } from './operator-day.ts'
import type { Stage } from './stage.ts'

const ROLLOUTS = '/apis/argoproj.io/v1alpha1'
const MERGE = 'application/merge-patch+json'

tellDay({
  title: 'Argo Rollouts under the guard',
  operator: () => argoRollouts,
  proposes: ['argo-rollouts'],
  work: async (stage, day) => {
    await install(stage, day)
    await promote(stage, day)
    await abort(stage, day)
    await switchColors(stage, day)
    await autoscale(stage, day)
  },
  attempts: (day) => [
    patch(`${ROLLOUTS}/namespaces/${day}/rollouts/web`, {
      spec: { template: { metadata: { labels: { evil: 'x' } } } },
    }),
    patch(`${ROLLOUTS}/namespaces/${day}/rollouts/web/scale`, { spec: { replicas: 9 } }),
    patch(`${ROLLOUTS}/namespaces/${day}/rollouts/web`, { spec: { paused: true } }),
    patch(service(day, 'web-stable'), { spec: { selector: { 'rollouts-pod-template-hash': 'evil' } } }),
    patch(service(day, 'web-canary'), { spec: { selector: { app: 'evil' } } }),
    patch(`${ROLLOUTS}/namespaces/${day}/rollouts/web`, {
      metadata: { annotations: { 'rollout.argoproj.io/revision': '99' } },
    }),
    { method: 'DELETE', path: `${ROLLOUTS}/namespaces/${day}/rollouts/web` },
  ],
})

function patch(path: string, body: object): Attempt {
  return { path, body }
}

const service = (day: string, name: string) => `/api/v1/namespaces/${day}/services/${name}`
const rolloutPath = (day: string, name = 'web') => `${ROLLOUTS}/namespaces/${day}/rollouts/${name}`

async function install(stage: Stage, day: string): Promise<void> {
  await stage.roll('A shop with canaries', {
    [`${day}/0-namespace.yaml`]: [namespace(day)],
    [`${day}/services.yaml`]: ['web-stable', 'web-canary'].map((name) => serviceOf(day, name, 'web')),
    [`${day}/rollout.yaml`]: [canary(day, 'shop:1')],
  })
  await healthy(stage, day, 'web', 2)
  for (const name of ['web-stable', 'web-canary']) await selects(stage, day, name)
}

/** The canary stops at a pause, a person promotes it, and both Services end at the new ReplicaSet. */
async function promote(stage: Stage, day: string): Promise<void> {
  const before = await hashOf(stage, day)
  await stage.roll('Version 2', { [`${day}/rollout.yaml`]: [canary(day, 'shop:2')] })
  await paused(stage, day)
  await stage.becomes('the canary Service selects the canary', service(day, 'web-canary'), ({ spec }) => {
    return spec.selector['rollouts-pod-template-hash'] !== before
  })
  await stage.becomes('the stable Service selects the stable one', service(day, 'web-stable'), ({ spec }) => {
    return spec.selector['rollouts-pod-template-hash'] === before
  })
  await say(stage, day, { pauseConditions: null })
  await healthy(stage, day, 'web', 2)
  assert.notEqual(await hashOf(stage, day), before)
}

/** A person aborts a canary, and Git takes the commit back. */
async function abort(stage: Stage, day: string): Promise<void> {
  const before = await hashOf(stage, day)
  await stage.roll('Version 3', { [`${day}/rollout.yaml`]: [canary(day, 'shop:3')] })
  await paused(stage, day)
  await say(stage, day, { abort: true })
  await stage.becomes('the canary is aborted', rolloutPath(day), ({ status }) => status.phase === 'Degraded')
  await stage.revert()
  await healthy(stage, day, 'web', 2)
  assert.equal(await hashOf(stage, day), before)
}

/** Blue and green, promoted by itself. */
async function switchColors(stage: Stage, day: string): Promise<void> {
  for (const image of ['shop:1', 'shop:2']) {
    await stage.roll(`Colors of ${image}`, {
      [`${day}/colors.yaml`]: [
        serviceOf(day, 'colors-active', 'colors'),
        serviceOf(day, 'colors-preview', 'colors'),
        rollout(day, 'colors', {
          image,
          replicas: 1,
          strategy: {
            blueGreen: {
              activeService: 'colors-active',
              previewService: 'colors-preview',
              scaleDownDelaySeconds: 1,
            },
          },
        }),
      ],
    })
    await healthy(stage, day, 'colors', 1)
  }
}

/** Git names no replicas: the operator sets one, and the autoscaler that Git declares as many as it says. */
async function autoscale(stage: Stage, day: string): Promise<void> {
  const scaled = (minReplicas: number) => ({
    [`${day}/scaled.yaml`]: [
      serviceOf(day, 'scaled', 'scaled'),
      rollout(day, 'scaled', { image: 'shop:1', strategy: { canary: { stableService: 'scaled' } } }),
      {
        apiVersion: 'autoscaling/v2',
        kind: 'HorizontalPodAutoscaler',
        metadata: { name: 'scaled', namespace: day },
        spec: {
          scaleTargetRef: { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'scaled' },
          minReplicas,
          maxReplicas: 5,
          metrics: [
            {
              type: 'Resource',
              resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
            },
          ],
        },
      },
    ],
  })
  for (const minReplicas of [2, 4]) {
    await stage.roll(`At least ${minReplicas}`, scaled(minReplicas))
    await healthy(stage, day, 'scaled', minReplicas)
  }
}

/** What `kubectl argo rollouts promote` and `abort` write: status, which is no state of Git's. */
async function say(stage: Stage, day: string, status: object): Promise<void> {
  const answer = await stage.plane.api('PATCH', `${rolloutPath(day)}/status`, { status }, MERGE)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
}

async function paused(stage: Stage, day: string): Promise<void> {
  await stage.becomes('the canary is paused', rolloutPath(day), ({ status, metadata }) => {
    return status?.phase === 'Paused' && status.observedGeneration === String(metadata.generation)
  })
}

async function healthy(stage: Stage, day: string, name: string, replicas: number): Promise<void> {
  await stage.becomes(
    `${name} is healthy with ${replicas}`,
    rolloutPath(day, name),
    ({ status, metadata }) => {
      return (
        status?.phase === 'Healthy' &&
        status.observedGeneration === String(metadata.generation) &&
        status.availableReplicas === replicas &&
        status.stableRS === status.currentPodHash
      )
    },
  )
}

async function selects(stage: Stage, day: string, name: string): Promise<void> {
  await stage.becomes(`Service ${name} selects a ReplicaSet`, service(day, name), ({ spec }) =>
    Boolean(spec.selector['rollouts-pod-template-hash']),
  )
}

async function hashOf(stage: Stage, day: string): Promise<string> {
  return (await stage.get(rolloutPath(day))).body.status.stableRS as string
}

function canary(day: string, image: string): object {
  const steps = [{ setWeight: 50 }, { pause: {} }, { setWeight: 100 }]
  return rollout(day, 'web', {
    image,
    replicas: 2,
    strategy: { canary: { stableService: 'web-stable', canaryService: 'web-canary', steps } },
  })
}

function rollout(
  namespace: string,
  name: string,
  { image, replicas, strategy }: { image: string; replicas?: number; strategy: object },
): object {
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Rollout',
    metadata: { name, namespace },
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      selector: { matchLabels: { app: name } },
      strategy,
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'shop', image }], terminationGracePeriodSeconds: 0 },
      },
    },
  }
}

function serviceOf(namespace: string, name: string, app: string): object {
  const spec = { selector: { app }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] }
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec }
}
