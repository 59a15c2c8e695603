/** Reports as the real definitions of OpenReports take them. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { startControlPlane, type ControlPlane } from '../../test/control-plane/control-plane.ts'
import { moduleFolder } from '../../test/control-plane/module-folder.ts'
import { until } from '../../test/e2e/until.ts'
import { ClusterApi } from '../cluster/api.ts'
import { connect, type Connection } from '../cluster/connection.ts'
import { Discovery } from '../cluster/discovery.ts'
import type { KubeObject } from '../model/json.ts'
import type { Finding, Status } from '../reconcile/events.ts'
import { someViolation } from '../report/testing/violations.ts'
import { PolicyReporting, type ReportedCore } from './policy-reporting.ts'

const folder = await moduleFolder('github.com/openreports/reports-api@v0.2.1').catch((error: Error) => error)
const skip = folder instanceof Error && `the definition cannot be had: ${folder.message}`

let plane: ControlPlane
let connection: Connection
let requests = 0
before(async () => {
  if (skip) return
  plane = await startControlPlane({ kubeControllerManager: false })
  connection = connect({ kubeconfig: plane.kubeconfig('admin') })
})
after(async () => {
  connection?.close()
  await plane?.stop()
})

const FINDING: Finding = {
  id: 'f1',
  ref: { group: 'apps', kind: 'Deployment', namespace: 'default', name: 'web' },
  apiVersion: 'apps/v1',
  drift: 'modified',
  source: 'shop',
  origin: { file: 'web.yaml', line: 3, revision: 'abc', approximate: false },
  changes: [],
  actor: { username: 'alice', groups: [], extra: {}, authenticated: true },
  remedy: 'alert',
  reason: 'alert-only',
  seenAt: Date.parse('2026-11-24T10:00:00Z'),
}

test(
  'tell drift and denials by the definition of OpenReports, cost nothing while nothing changes, and go',
  { skip },
  async () => {
    const api = new ClusterApi(connection, { onRequest: () => requests++ })
    const discovery = new Discovery({ api })
    const errors: unknown[] = []
    const reporting = new PolicyReporting({
      api,
      discovery,
      replica: 'guard-1',
      members: () => ['guard-1'],
      owns: () => true,
      onError: (error) => errors.push(error),
    })
    let standing: Finding | undefined = FINDING
    const core: ReportedCore = {
      reconciler: {
        statuses: () => [
          { ref: FINDING.ref, status: (standing === undefined ? 'inSync' : 'modified') as Status },
        ],
        findingOf: () => standing,
      },
      settings: { config: { policyReports: true } },
    }
    await discovery.refresh()
    requests = 0
    reporting.look(core)
    await reporting.idle()
    assert.equal(requests, 0, 'nothing is asked where no report is served')

    const yaml = await readFile(`${String(folder)}/config/install.yaml`, 'utf8')
    for (const document of parseAllDocuments(yaml)) {
      const definition = document.toJS() as KubeObject
      if (definition?.kind !== 'CustomResourceDefinition') continue
      const { status } = await plane.api(
        'POST',
        '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
        definition,
      )
      assert.equal(status, 201)
    }
    await until('the definitions are served', async () => {
      await discovery.refresh()
      return ['Report', 'ClusterReport'].every(
        (kind) => discovery.resourceFor('openreports.io', kind) !== undefined,
      )
    })
    const time = new Date().toISOString()
    reporting.accept(
      someViolation({ time, object: { apiVersion: 'v1', kind: 'Namespace', namespace: '', name: 'a' } }),
    )
    reporting.accept(someViolation({ time, object: { ...someViolation().object, namespace: 'default' } }))
    reporting.look(core)
    await reporting.idle()
    assert.deepEqual(errors, [])
    const [report, more] = await reports('reports')
    assert.equal(more, undefined)
    assert.equal(report?.summary.fail, 2)
    assert.deepEqual(report.results.map(({ rule, result }) => `${rule} ${result}`).toSorted(), [
      'declared-object fail',
      'modified fail',
    ])
    assert.equal((await reports('clusterreports')).length, 1)

    requests = 0
    reporting.look(core)
    await reporting.idle()
    assert.equal(requests, 0, 'nothing is asked while nothing changes')

    standing = undefined
    reporting.look(core)
    await reporting.idle()
    assert.equal((await reports('reports'))[0]?.summary.fail, 1)
    await reporting.stop()
    assert.deepEqual([...(await reports('reports')), ...(await reports('clusterreports'))], [])
    assert.deepEqual(errors, [])
  },
)

interface Report {
  summary: { fail: number }
  results: { rule: string; result: string }[]
}

async function reports(resource: string): Promise<Report[]> {
  const { body } = await plane.api('GET', `/apis/openreports.io/v1alpha1/${resource}`)
  return (body as { items: Report[] }).items
}
