import type { Row } from '../row.ts'
import { paths } from '../stage.ts'

const MERGE = { contentType: 'application/merge-patch+json' }
const message = (text: string) => ({ data: { PODINFO_UI_MESSAGE: text } })

/** Which commit is Git's state. */
export const gitRows: readonly Row[] = [
  {
    row: 38,
    title: 'alice restores what an older commit said',
    expect: 'webhook',
    run: async (stage) => {
      await stage.shop.change('settings.yaml', 'Welcome to the shop', 'Welcome, all', 'A new message')
      await stage.agentApplies()
      await stage.eventually('the guard has the commit', async () => {
        const { status } = await stage.raw(
          'alice',
          'PATCH',
          `${paths.settings}?dryRun=All`,
          message('Welcome to the shop'),
          MERGE,
        )
        return status === 403
      })
      try {
        return await stage.refusedRaw(
          'alice',
          ['PATCH', paths.settings, message('Welcome to the shop')],
          MERGE,
        )
      } finally {
        await stage.shop.change(
          'settings.yaml',
          'Welcome, all',
          'Welcome to the shop',
          'The old message again',
        )
        await stage.agentApplies()
        await stage.eventually('the guard has the commit', async () => {
          const { status } = await stage.raw(
            'alice',
            'PATCH',
            `${paths.settings}?dryRun=All`,
            message('Welcome, all'),
            MERGE,
          )
          return status === 403
        })
      }
    },
  },
  {
    row: 38,
    title: 'alice: kubectl rollout undo to an older ReplicaSet',
    expect: 'webhook',
    run: async (stage) => {
      await stage.shop.change('workloads.yaml', 'shop.example/api:1', 'shop.example/api:2', 'api 2')
      await stage.agentApplies()
      const back = async () =>
        (await stage.raw('admin', 'GET', paths.api)).body.spec.template.spec.containers[0].image
      await stage.eventually('api 2', async () => (await back()) === 'shop.example/api:2')
      await stage.eventually('its ReplicaSet', async () => {
        const { body } = await stage.raw('admin', 'GET', paths.api)
        return body.metadata.annotations['deployment.kubernetes.io/revision'] !== '1'
      })
      try {
        return await stage.refused('alice', ['rollout', 'undo', '-n', 'shop', 'deployment/api'])
      } finally {
        await stage.shop.change('workloads.yaml', 'shop.example/api:2', 'shop.example/api:1', 'api 1 again')
        await stage.agentApplies()
        await stage.eventually('the guard has the commit', async () => {
          const image = {
            spec: { template: { spec: { containers: [{ name: 'api', image: 'shop.example/api:2' }] } } },
          }
          const options = { contentType: 'application/strategic-merge-patch+json' }
          return (await stage.raw('alice', 'PATCH', `${paths.api}?dryRun=All`, image, options)).status === 403
        })
      }
    },
  },
  {
    row: 39,
    title: 'after drift, alice brings an object back to what Git says: let through',
    expect: 'allowed',
    run: async (stage) => {
      const agent = 'system:serviceaccount:ci:deployer'
      // Of an agent's own writes the watcher first asks whether Git has moved: that is the moment for alice.
      await stage.raw(agent, 'DELETE', paths.settings)
      const { status, text } = await stage.raw('alice', 'POST', '/api/v1/namespaces/shop/configmaps', {
        metadata: { name: 'web', namespace: 'shop' },
        ...message('Welcome to the shop'),
      })
      await stage.agentApplies()
      if (status !== 201 && status !== 409) throw new Error(text)
      return { stopped: 'allowed' }
    },
  },
]
