import type { Row } from '../row.ts'

const hpa = (name: string, target: string) => ({
  metadata: { name, namespace: 'shop' },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: target },
    minReplicas: 20,
    maxReplicas: 50,
  },
})
const LIST = '/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers'

/** Through a controller that is trusted to scale. */
export const autoscalerRows: readonly Row[] = [
  {
    row: 0,
    title: 'alice makes an autoscaler for a declared Deployment: kubectl autoscale',
    expect: 'webhook',
    run: (stage) =>
      stage.refused('alice', [
        'autoscale',
        '-n',
        'shop',
        'deployment/api',
        '--min=20',
        '--max=50',
        '--cpu=50%',
      ]),
  },
  {
    row: 0,
    title: 'alice makes a second autoscaler for a Deployment that has a declared one',
    expect: 'webhook',
    run: (stage) => stage.refusedRaw('alice', ['POST', LIST, hpa('second', 'web')]),
  },
  {
    row: 0,
    title: 'alice turns an autoscaler of something of hers to a declared Deployment',
    expect: 'webhook',
    run: async (stage) => {
      await stage.raw('alice', 'POST', LIST, hpa('hers', 'something'))
      const outcome = await stage.refusedRaw(
        'alice',
        ['PATCH', `${LIST}/hers`, { spec: { scaleTargetRef: { name: 'api' } } }],
        { contentType: 'application/merge-patch+json' },
      )
      await stage.raw('alice', 'DELETE', `${LIST}/hers`)
      return outcome
    },
  },
  {
    row: 0,
    title: 'one that was made past the webhook scales nothing: the controller is refused',
    expect: 'watcher',
    run: async (stage) => {
      const outcome = await stage.pastAdmission(
        () => stage.raw('alice', 'POST', LIST, hpa('past', 'api')),
        async () => {
          const { body } = await stage.raw('admin', 'GET', '/apis/apps/v1/namespaces/shop/deployments/api')
          return body.spec.replicas === 1
        },
      )
      await stage.raw('alice', 'DELETE', `${LIST}/past`)
      return { ...outcome, note: 'its scale subresource is judged too' }
    },
  },
]
