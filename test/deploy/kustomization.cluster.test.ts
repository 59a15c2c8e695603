/** `deploy/` on a real API server: it applies, and the guard's account may do what it needs and no more. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { DEPLOY, readDeployManifests } from '../../src/commands/install-manifests.ts'
import { nameOf } from '../../src/commands/install-api.ts'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { applyDeploy, GUARD } from './installation.ts'
import { guardingPolicyText } from './write-guarding-policy.ts'

let plane: ControlPlane
before(async () => {
  plane = await startControlPlane()
  await applyDeploy(plane)
})
after(() => plane.stop())

test('apply again without a difference, and pass a dry-run on the server', async () => {
  await applyDeploy(plane)
  const { code, stdout, stderr } = await plane.kubectl('admin', ['diff', '-k', DEPLOY])
  assert.equal(code, 0, stdout + stderr)
  assert.match(await applyDeploy(plane, ['--dry-run=server']), /deployment.apps\/gitops-guard/)
})

test('hold exactly what the installer reads from the same files', async () => {
  const { stdout } = await plane.kubectl('admin', ['kustomize', DEPLOY])
  const kustomize = [...stdout.matchAll(/^kind: (\w+)$/gm)].map(([, kind]) => kind)
  const read = readDeployManifests().map(({ kind }) => kind)
  assert.deepEqual(read.toSorted(), kustomize.toSorted())
  assert.equal(new Set(readDeployManifests().map(nameOf)).size, read.length)
})

test('hold the guarding policies that the admission code makes', () => {
  const written = readFileSync(join(DEPLOY, 'guarding-policy.yaml'), 'utf8')
  assert.ok(written === guardingPolicyText(), 'it differs: run node test/deploy/write-guarding-policy.ts')
})

test('refuse nothing while the guard has never run', async () => {
  const binding = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/gitops-guard'
  assert.deepEqual((await plane.api('GET', binding)).body.spec.validationActions, ['Audit'])
  const webhook = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/gitops-guard'
  assert.equal((await plane.api('GET', webhook)).body.webhooks, undefined)
})

test('make Pods that the restricted Pod security standard and the quota admit', async () => {
  await eventually(async () => {
    const { stdout } = await plane.kubectl('admin', 'get pods -n gitops-guard -o name'.split(' '))
    assert.equal(stdout.trim().split('\n').length, 2, stdout)
    assert.match(stdout, /^pod\/gitops-guard-/)
  })
})

const may: [verb: string, resource: string, options?: string[]][] = [
  ['create', 'validatingwebhookconfigurations'],
  ['patch', 'validatingwebhookconfigurations/gitops-guard'],
  ['update', 'validatingadmissionpolicies/gitops-guard'],
  ['update', 'validatingadmissionpolicybindings/gitops-guard-namespace'],
  ['update', 'validatingadmissionpolicies/gitops-guard-webhooks'],
  ['watch', 'mutatingwebhookconfigurations'],
  ['watch', 'customresourcedefinitions'],
  ['watch', 'limitranges'],
  ['watch', 'breakglasses.gitops-guard.dev'],
  ['update', 'breakglasses.gitops-guard.dev', ['--subresource=status']],
  ['get', 'secrets/gitops-guard-tls', ['-n', 'gitops-guard']],
  ['update', 'secrets/gitops-guard-tls', ['-n', 'gitops-guard']],
  ['create', 'leases', ['-n', 'gitops-guard']],
  ['create', 'events.events.k8s.io'],
]
const mayNot: typeof may = [
  ['impersonate', 'users'],
  ['approve', 'signers.certificates.k8s.io'],
]
/** Without the role over what Git declares, which `install` narrows. */
const mayNotAlone: typeof may = [
  ['delete', 'validatingwebhookconfigurations/gitops-guard'],
  ['update', 'validatingwebhookconfigurations/another'],
  ['update', 'mutatingwebhookconfigurations'],
  ['create', 'serviceaccounts', ['--subresource=token']],
  ['create', 'pods', ['--subresource=exec']],
  ['update', 'namespaces', ['--subresource=finalize']],
  ['get', 'secrets', ['-n', 'default']],
  ['get', 'secrets/another', ['-n', 'gitops-guard']],
  ['update', 'deployments.apps', ['-n', 'default']],
  ['delete', 'pods', ['-n', 'default']],
  ['escalate', 'clusterroles'],
  ['bind', 'clusterroles'],
]

test('let the guard do what it needs', () => check(may, 'yes'))
test('let the guard restore any kind that Git may declare, roles with more rights than its own too', () =>
  check(
    [
      ['create', 'deployments.apps', ['-n', 'default']],
      ['update', 'secrets', ['-n', 'default']],
      ['escalate', 'clusterroles.rbac.authorization.k8s.io'],
      ['bind', 'clusterroles.rbac.authorization.k8s.io'],
    ],
    'yes',
  ))
test('refuse the guard what nobody needs for guarding', () => check(mayNot, 'no'))
test('refuse the guard everything else once the wide role is gone', async () => {
  await plane.kubectl('admin', 'delete clusterrolebinding gitops-guard-guarded-kinds'.split(' '))
  await eventually(() => check(mayNotAlone, 'no'))
  await check(mayNot, 'no')
  await check(may, 'yes')
})

async function check(list: typeof may, expected: 'yes' | 'no'): Promise<void> {
  for (const [verb, resource, options = []] of list) {
    const { stdout } = await plane.kubectl('admin', [
      'auth',
      'can-i',
      verb,
      resource,
      `--as=${GUARD}`,
      ...options,
    ])
    assert.equal(stdout.trim(), expected, `${verb} ${resource} ${options.join(' ')}`)
  }
}

async function eventually(check: () => Promise<void>): Promise<void> {
  for (const start = Date.now(); ; await new Promise((resolve) => setTimeout(resolve, 200))) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() - start > 15_000) throw error
    }
  }
}
