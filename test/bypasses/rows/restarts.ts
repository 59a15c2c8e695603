import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Row } from '../row.ts'
import { bindingPath, paths, WEBHOOK } from '../stage.ts'
import { configuration } from '../stage-files.ts'

const MERGE = { contentType: 'application/merge-patch+json' }

/** What happens while the guard is away or has just come. */
export const restartRows: readonly Row[] = [
  {
    row: 28,
    restarts: true,
    title: 'a guard that is told to stop leaves its webhook and policies: alice is refused',
    expect: 'server',
    run: async (stage) => {
      await stage.guard.end('SIGTERM')
      try {
        const { code, stderr } = await stage.kubectl('alice', [
          'annotate',
          '-n',
          'shop',
          'deployment/api',
          'a=b',
        ])
        if (code === 0 || !/failed calling webhook "namespaced\.gitops-guard\.dev"/.test(stderr))
          throw new Error(stderr)
        const outcome = await stage.refusedRaw('alice', ['DELETE', WEBHOOK])
        if (outcome.stopped !== 'policy') throw new Error(outcome.stopped)
        return { stopped: 'server', note: 'failurePolicy Fail, and the policy' }
      } finally {
        await stage.guard.start()
        await stage.guard.ready()
      }
    },
  },
  {
    row: 31,
    restarts: true,
    title: 'alice writes while a guard runs that has not read Git yet',
    expect: 'webhook',
    run: async (stage) => {
      await stage.guard.end('SIGKILL')
      const config = join(stage.directory, 'blind.yaml')
      const repository = join(stage.directory, 'no-such-repository')
      await writeFile(config, configuration({ repository, stateDir: join(stage.directory, 'blind') }))
      await stage.guard.start(config)
      try {
        if ((await stage.guard.readyz()) !== 503) throw new Error('it says that it is ready')
        let outcome
        await stage.eventually('it answers', async () => {
          const { status, text } = await stage.raw(
            'alice',
            'PATCH',
            paths.api,
            { spec: { replicas: 3 } },
            MERGE,
          )
          if (status < 300) throw new Error('it went through')
          if (!text.includes('has not read the current state of Git')) return false
          outcome = await stage.refused('alice', ['scale', '-n', 'shop', 'deployment/api', '--replicas=3'])
          return true
        })
        return outcome!
      } finally {
        await stage.guard.end('SIGKILL')
        await stage.guard.start()
        await stage.guard.ready()
      }
    },
  },
  {
    row: 32,
    restarts: true,
    title: 'alice writes before any webhook is there: put back when the guard starts',
    expect: 'watcher',
    run: async (stage) => {
      await stage.guard.end('SIGKILL')
      for (const name of ['gitops-guard', 'gitops-guard-namespace', 'gitops-guard-webhooks'])
        await stage.raw('admin', 'DELETE', bindingPath(name))
      await stage.eventually(
        'the webhook goes',
        async () => (await stage.raw('admin', 'DELETE', WEBHOOK)).status === 200,
      )
      await stage.eventually('alice writes', async () => {
        const { status } = await stage.raw(
          'alice',
          'PATCH',
          paths.settings,
          { data: { PODINFO_UI_MESSAGE: 'hers' } },
          MERGE,
        )
        return status === 200
      })
      await stage.must('alice', ['delete', '-n', 'shop', 'service/web'])
      await stage.must('alice', ['delete', 'clusterrolebinding', 'shop-deployer'])
      const started = performance.now()
      await stage.guard.start()
      await stage.guard.ready()
      const ready = performance.now()
      await stage.settled()
      await stage.eventually(
        'the webhook is back',
        async () => (await stage.raw('admin', 'GET', WEBHOOK)).status === 200,
      )
      return {
        stopped: 'watcher',
        ms: Math.max(0, performance.now() - ready),
        note: `from when it was ready, ${((ready - started) / 1000).toFixed(1)} s after its start`,
      }
    },
  },
]
