/** Installing and uninstalling on a real API server: what is left is what was there before. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { applyInstallation, type Applied } from '../../src/commands/install-apply.ts'
import { readDeployManifests } from '../../src/commands/install-manifests.ts'
import { renderInstallation } from '../../src/commands/install-render.ts'
import { Removal, type Removed, type RemovalOptions } from '../../src/commands/uninstall-remove.ts'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { applyDeploy, asAdmin, everyObject } from './installation.ts'

let plane: ControlPlane
let atFirst: Set<string>
before(async () => {
  plane = await startControlPlane()
  atFirst = new Set(await everyObject(plane))
})
after(() => plane.stop())

const manifests = renderInstallation(readDeployManifests(), {
  configuration: '# by a test\nmode: audit\n',
  image: 'registry.example/gitops-guard:1.2.3',
  replicas: 1,
  guarded: { resources: [{ group: 'apps', resource: 'deployments', recreate: false }] },
})

async function install(): Promise<Applied[]> {
  const { api, served } = await asAdmin(plane)
  return applyInstallation(api, served, { objects: manifests, said: () => undefined })
}

async function uninstall(waits: RemovalOptions['waits'] = {}): Promise<Removed[]> {
  const { api, served } = await asAdmin(plane)
  const removed: Removed[] = []
  const said = (one: Removed) => void removed.push(one)
  const options = { installation: readDeployManifests(), namespace: 'gitops-guard', by: 'admin', said, waits }
  await new Removal(api, served, options).run()
  return removed
}

test('install, change nothing the second time, and leave nothing after uninstalling', async () => {
  assert.ok((await install()).every(({ action }) => action === 'created'))
  for (const { object, action } of await install())
    assert.equal(action, /^Validating/.test(object) ? 'kept' : 'unchanged', object)

  const { body: config } = await plane.api('GET', '/api/v1/namespaces/gitops-guard/configmaps/gitops-guard')
  assert.equal(config.data['config.yaml'], '# by a test\nmode: audit\n')
  const { body: deployment } = await plane.api(
    'GET',
    '/apis/apps/v1/namespaces/gitops-guard/deployments/gitops-guard',
  )
  assert.equal(deployment.spec.replicas, 1)
  assert.equal(deployment.spec.template.spec.containers[0].image, 'registry.example/gitops-guard:1.2.3')

  const removed = await uninstall()
  assert.ok(removed.every(({ action }) => action === 'removed'))
  await nothingIsLeft()
})

test('uninstall twice: the second time finds nothing and says so', async () => {
  await install()
  await uninstall()
  assert.ok((await uninstall()).every(({ action }) => action === 'absent'))
})

test('take out what kubectl applied, with a guard that is down and a webhook that refuses all', async () => {
  await applyDeploy(plane)
  await fillWebhook()
  const removed = await uninstall()
  assert.equal(removed[0]?.action, 'down', JSON.stringify(removed[0]))
  await nothingIsLeft()
})

test('take it out while the policies of a guard that is down refuse people everything', async () => {
  await install()
  await fillWebhook()
  for (const policy of ['gitops-guard', 'gitops-guard-namespace'])
    await plane.kubectl('admin', [
      ...['patch', 'validatingadmissionpolicybinding', policy, '--type=merge', '-p'],
      '{"spec":{"validationActions":["Deny"]}}',
    ])
  const path = '/apis/rbac.authorization.k8s.io/v1/clusterroles/gitops-guard?dryRun=All'
  for (const start = Date.now(); (await plane.api('DELETE', path)).status === 200;)
    assert.ok(Date.now() - start < 10_000, 'the policies are not in force')
  await uninstall()
  await nothingIsLeft()
})

test('stop and say why when the webhook comes back: a guard that did not step down is running', async () => {
  await install()
  const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
  const webhook = manifests.find(({ kind }) => kind === 'ValidatingWebhookConfiguration')
  const keeping = setInterval(() => void plane.api('POST', path, webhook), 50)
  await assert.rejects(uninstall({ stays: 1000 }), /is back: a guard is running that has not stepped down/)
  clearInterval(keeping)
  assert.equal((await plane.api('GET', '/api/v1/namespaces/gitops-guard')).body.status.phase, 'Active')
  await uninstall()
  await nothingIsLeft()
})

async function nothingIsLeft(): Promise<void> {
  const now = new Set(await everyObject(plane))
  assert.deepEqual({ left: minus(now, atFirst), lost: minus(atFirst, now) }, { left: [], lost: [] })
}

const minus = (a: Set<string>, b: Set<string>) => [...a].filter((one) => !b.has(one))

/** As a running guard would have left it, at an address where nobody answers. */
async function fillWebhook(): Promise<void> {
  const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/gitops-guard'
  const guard = await plane.serviceAccount('gitops-guard', 'gitops-guard')
  const webhooks = ['*'].map((group) => ({
    name: 'all.gitops-guard.dev',
    clientConfig: { url: 'https://127.0.0.1:1/validate' },
    rules: [{ apiGroups: [group], apiVersions: ['*'], operations: ['*'], resources: ['*/*'], scope: '*' }],
    matchConditions: [
      {
        name: 'controllers',
        expression: "!request.userInfo.username.startsWith('system:serviceaccount:kube-system:')",
      },
      {
        name: 'tokens',
        expression: "!(request.resource.resource in ['tokenreviews', 'subjectaccessreviews'])",
      },
    ],
    admissionReviewVersions: ['v1'],
    sideEffects: 'NoneOnDryRun',
    timeoutSeconds: 1,
    failurePolicy: 'Fail',
  }))
  const { code, stderr } = await plane.kubectl(guard, [
    'patch',
    'validatingwebhookconfiguration',
    'gitops-guard',
    '--type=merge',
    '-p',
    JSON.stringify({ webhooks }),
  ])
  assert.equal(code, 0, stderr)
  const { body } = await plane.api('GET', path)
  assert.equal(body.webhooks.length, 1)
}
