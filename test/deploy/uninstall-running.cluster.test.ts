/** `gitops-guard uninstall` while a guard runs: it steps down, and nothing of it is left or comes back. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, test } from 'node:test'
import { Stage, WEBHOOK, bindingPath, paths } from '../bypasses/stage.ts'
import { runCommand } from '../control-plane/run-command.ts'
import { everyObject } from './installation.ts'

const CLI = join(import.meta.dirname, '../../dist/cli.js')
let stage: Stage
before(async () => {
  stage = await Stage.open()
})
after(() => stage?.close())

test('uninstall under a running guard: it steps down, tells of it, and leaves nothing', async () => {
  const { code, stdout, stderr } = await runCommand(process.execPath, [
    ...[CLI, 'uninstall', '--yes', '-o', 'json', '--kubeconfig', stage.plane.kubeconfig('alice')],
  ])
  assert.equal(code, 0, stderr)
  const { objects } = JSON.parse(stdout) as { objects: { object: string; action: string }[] }
  assert.deepEqual(objects[0]?.action, 'stepped-down', stdout)
  await stage.told(
    'break-glass',
    ({ object, actor }) => object.name === 'uninstall' && actor.username === 'alice',
  )

  // Longer than it takes to put anything back.
  await sleep(2000)
  const left = (await everyObject(stage.plane)).filter((each) => /gitops-guard/.test(each))
  assert.deepEqual(
    left.filter((each) => !/ClusterRoleBinding \/cluster-admin/.test(each)),
    [],
  )
  for (const path of [WEBHOOK, bindingPath('gitops-guard')])
    assert.equal((await stage.raw('admin', 'GET', path)).status, 404)
  const answer = await stage.raw(
    'alice',
    'PATCH',
    paths.api,
    { spec: { replicas: 2 } },
    {
      contentType: 'application/merge-patch+json',
    },
  )
  assert.equal(answer.status, 200, answer.text)
})
