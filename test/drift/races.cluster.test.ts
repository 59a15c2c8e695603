/** Objects that somebody writes all the time, as busy controllers do. */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import type { KubeObject } from '../../src/model/json.ts'
import { deployment, service } from './cases/yaml.ts'
import { told } from './run-cases.ts'
import { Stage, type StagedSource } from './stage.ts'

let stage: Stage
before(async () => {
  stage = await Stage.start()
  await stage.namespace('busy')
})
after(() => stage.stop())

/** Compares while the object's status is written as fast as the API server takes it. */
async function comparedWhileWritten(source: StagedSource, object: KubeObject) {
  const status = `${stage.path(object)}/status`
  let done = false
  let writes = 0
  const writing = (async () => {
    for (let count = 0; !done; count++) {
      const conditions = [
        {
          type: 'Busy',
          status: 'True',
          reason: `R${count}`,
          message: '',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ]
      await stage.must('PATCH', status, { status: { conditions } }, 'application/merge-patch+json')
      writes++
    }
  })()
  try {
    for (let round = 0; round < 5; round++) {
      const rows = (await stage.diff([source])).get('busy') ?? []
      assert.match(rows.map(told).join('\n'), /^modified .*\/metadata\/labels\/rogue/)
    }
  } finally {
    done = true
    await writing
  }
  assert.ok(writes > 20, `${writes} writes`)
}

/** Applied as the agent does, then labelled by somebody. */
async function appliedAndChanged(source: StagedSource) {
  const [document] = stage.documents(source)
  await stage.apply(document!)
  const { object } = document!.manifest
  await stage.must(
    'PATCH',
    stage.path(object),
    { metadata: { labels: { rogue: 'x' } } },
    'application/merge-patch+json',
  )
  return object
}

it('find the drift of an object that changes all the time', async () => {
  const source = { name: 'busy', namespace: 'busy', yaml: deployment }
  await comparedWhileWritten(source, await appliedAndChanged(source))
})

it('find it too where what Git reserves leaves only the object itself to ask about', async () => {
  const fixed = service
    .replace('spec:', 'spec:\n  type: NodePort')
    .replace('port: 80,', 'port: 80, nodePort: 30333,')
  const source = { name: 'busy', namespace: 'busy', yaml: fixed }
  await comparedWhileWritten(source, await appliedAndChanged(source))
})
